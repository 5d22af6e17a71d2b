"""The model card: the metadata that a model file carries.

It is stored inside the model file, as JSON in the ONNX metadata property `rechroma`, so that
weights always come with their license, their training data and what the runtime needs to know.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rechroma.errors import ModelContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROPERTY = "rechroma"  # name of the ONNX metadata property
FORMAT = 1
MAX_STRIDE = 512  # with more, the input of a small image would be mostly padding
MIN_SIZE, MAX_SIZE = 32, 4096


@dataclass(frozen=True)
class DataSource:
    """A data set that a model was trained on."""

    name: str
    license: str
    url: str = ""


@dataclass(frozen=True)
class ModelCard:
    """The metadata of a color model.

    Attributes:
        name: Name of the model; a file name without suffix.
        version: Version of the weights.
        stride: Height and width of the input are multiples of it; at most 512.
        scale: Height and width of the input over those of the chroma.
        size: Long side of the input that the model was trained for, 32 to 4096 pixels.
        license: SPDX identifier of the license of the weights.
        authors: Authors of the model.
        data: Training data sets, each with its license.
        hints: Whether the model supports hints.
        bins: a* and b* of the color bins, if the model has a `distribution`.
        distribution_scale: Height and width of the input over those of the `distribution`; 0, the
            default, stands for `scale`.
        metrics: Metrics on the validation set, by name.
        commit: Commit of the training code.
        description: One or two sentences for users who choose a model.
        network: `name` and `options` of the network it was exported from, so that training can
            continue from it; empty if unknown.
        format: Version of the contract.
    """

    name: str
    version: str
    stride: int
    scale: int
    size: int
    license: str
    authors: tuple[str, ...]
    data: tuple[DataSource, ...]
    hints: bool = False
    bins: tuple[tuple[float, float], ...] = ()
    distribution_scale: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    commit: str = ""
    description: str = ""
    network: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        if not self.distribution_scale:
            object.__setattr__(self, "distribution_scale", self.scale)

    def to_json(self) -> str:
        """Serialize to the content of the ONNX metadata property."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Parse the output of :meth:`to_json`.

        Raises:
            ModelContractError: A field is missing, unknown or invalid.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise _broken(f"not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise _broken("not a JSON object")
        _check_format(fields.get("format"))
        _check_names(fields)
        return cls(**{name: _READERS[name](name, value) for name, value in fields.items()})


def _broken(what: str) -> ModelContractError:
    return ModelContractError(
        f"the model card is broken: {what}", hint="Export the model again, or ask its author."
    )


def _check_format(value: object) -> None:
    if type(value) is int and value > FORMAT:
        raise ModelContractError(
            f"the model card's format is {value}, newer than {FORMAT}, the one known here",
            hint="Update Rechroma: pip install --upgrade rechroma",
        )
    if value != FORMAT:
        raise _broken(f"field 'format' must be {FORMAT}, not {value!r}")


def _check_names(fields: dict[str, Any]) -> None:
    if unknown := fields.keys() - _READERS.keys():
        raise _broken(f"unknown field '{min(unknown)}'")
    required = {
        part.name
        for part in dataclasses.fields(ModelCard)
        if part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
    }
    if missing := required - fields.keys():
        raise _broken(f"field '{min(missing)}' is missing")


def _expect(name: str, value: object, kind: type | tuple[type, ...], words: str) -> Any:  # noqa: ANN401
    is_number_for_bool = isinstance(value, bool) and kind is not bool
    if not isinstance(value, kind) or is_number_for_bool:
        raise _broken(f"field '{name}' must be {words}, not {value!r:.60}")
    return value


def _text(name: str, value: object) -> str:
    return str(_expect(name, value, str, "a text"))


def _name(name: str, value: object) -> str:
    if not _text(name, value):
        raise _broken(f"field '{name}' must not be empty")
    return str(value)


def _flag(name: str, value: object) -> bool:
    return bool(_expect(name, value, bool, "true or false"))


def _whole(low: int, high: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        number = int(_expect(name, value, int, "a whole number"))
        if not low <= number <= high:
            raise _broken(f"field '{name}' must be {low} to {high}, not {number}")
        return number

    return read


def _texts(name: str, value: object) -> tuple[str, ...]:
    return tuple(_text(name, item) for item in _expect(name, value, list, "a list of texts"))


def _sources(name: str, value: object) -> tuple[DataSource, ...]:
    items = _expect(name, value, list, "a list of objects")
    return tuple(_source(name, item) for item in items)


def _source(name: str, value: object) -> DataSource:
    item = _expect(name, value, dict, "a list of objects")
    try:
        return DataSource(**{key: _text(f"{name}.{key}", text) for key, text in item.items()})
    except TypeError as error:
        words = "a list of objects with 'name', 'license' and, if any, 'url'"
        raise _broken(f"field '{name}' must be {words}") from error


def _pairs(name: str, value: object) -> tuple[tuple[float, float], ...]:
    rows = _expect(name, value, list, "a list of pairs of numbers")
    return tuple(_pair(name, row) for row in rows)


def _pair(name: str, value: object) -> tuple[float, float]:
    row = _expect(name, value, list, "a list of pairs of numbers")
    if len(row) != 2:
        raise _broken(f"field '{name}' must be a list of pairs of numbers")
    a, b = (float(_expect(name, number, (int, float), "a number")) for number in row)
    return a, b


def _numbers(name: str, value: object) -> dict[str, float]:
    items = _expect(name, value, dict, "an object of numbers")
    return {key: _expect(f"{name}.{key}", n, (int, float), "a number") for key, n in items.items()}


def _network(name: str, value: object) -> dict[str, Any]:
    fields = _expect(name, value, dict, "an object")
    if fields and fields.keys() != {"name", "options"}:
        raise _broken(f"field '{name}' must have 'name' and 'options', or nothing")
    kinds = {"name": (str, "a text"), "options": (dict, "an object")}
    return {key: _expect(f"{name}.{key}", item, *kinds[key]) for key, item in fields.items()}


_READERS: dict[str, Callable[[str, object], Any]] = {
    "name": _name,
    "version": _name,
    "stride": _whole(1, MAX_STRIDE),
    "scale": _whole(1, MAX_STRIDE),
    "distribution_scale": _whole(0, MAX_STRIDE),
    "size": _whole(MIN_SIZE, MAX_SIZE),
    "license": _name,
    "authors": _texts,
    "data": _sources,
    "hints": _flag,
    "bins": _pairs,
    "metrics": _numbers,
    "commit": _text,
    "description": _text,
    "network": _network,
    "format": _whole(FORMAT, FORMAT),
}
