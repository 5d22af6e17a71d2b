"""The model card: the metadata that a model file carries.

It is stored inside the model file, as JSON in the ONNX metadata property `rechroma`, so that
weights always come with their license, their training data and what the runtime needs to know.
"""

from __future__ import annotations

import dataclasses
import json
import sys
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

    def __repr__(self) -> str:
        return (
            f"ModelCard({self.name!r}, version={self.version!r}, size={self.size}, "
            f"hints={self.hints}, license={self.license!r})"
        )

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
        except (ValueError, RecursionError) as error:
            raise _broken(f"not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise _broken("not a JSON object")
        _check_format(fields.get("format"))
        if unknown := fields.keys() - _RULES.keys():
            raise _broken(f"unknown field '{min(unknown)}'")
        required = {
            part.name
            for part in dataclasses.fields(ModelCard)
            if part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
        }
        if missing := required - fields.keys():
            raise _broken(f"field '{min(missing)}' is missing")
        for name, value in fields.items():
            expected, is_valid = _RULES[name]
            if not is_valid(value):
                raise _broken(f"field '{name}' must be {expected}, not {value!r:.60}")
        fields["authors"] = tuple(fields["authors"])
        fields["data"] = tuple(DataSource(**source) for source in fields["data"])
        fields["bins"] = tuple((float(a), float(b)) for a, b in fields.get("bins", ()))
        return cls(**fields)


def _broken(what: str) -> ModelContractError:
    return ModelContractError(
        f"the model card is broken: {what}", hint="Export the model again, or ask its author."
    )


def _check_format(value: object) -> None:
    if type(value) is int and value > FORMAT:
        raise ModelContractError(
            f"the model card's format is {value}, newer than the supported {FORMAT}",
            hint="Update Rechroma: pip install --upgrade rechroma",
        )
    if value != FORMAT:
        raise _broken(f"field 'format' must be {FORMAT}, not {value!r}")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # neither NaN nor infinity, nor an integer beyond
    )


def _is_source(value: object) -> bool:
    if not isinstance(value, dict) or not {"name", "license"} <= value.keys():
        return False
    return value.keys() <= {"name", "license", "url"} and _is_texts(list(value.values()))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_network(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() not in (set(), {"name", "options"}):
        return False
    return not value or (isinstance(value["name"], str) and isinstance(value["options"], dict))


def _int(low: int, high: int) -> _Rule:
    words = f"a whole number from {low} to {high}"
    return words, lambda value: type(value) is int and low <= value <= high


_Rule = tuple[str, "Callable[[Any], bool]"]
_TEXT: _Rule = ("a string", lambda value: isinstance(value, str))
_NAME: _Rule = ("a string that is not empty", lambda value: isinstance(value, str) and value != "")
_RULES: Mapping[str, _Rule] = {
    "name": _NAME,
    "version": _NAME,
    "stride": _int(1, MAX_STRIDE),
    "scale": _int(1, MAX_STRIDE),
    "distribution_scale": _int(0, MAX_STRIDE),
    "size": _int(MIN_SIZE, MAX_SIZE),
    "license": _NAME,
    "authors": ("a list of strings", _is_texts),
    "data": (
        "a list of objects with 'name', 'license' and optionally 'url'",
        lambda value: isinstance(value, list) and all(map(_is_source, value)),
    ),
    "hints": ("true or false", lambda value: isinstance(value, bool)),
    "bins": (
        "a list of pairs of finite numbers",
        lambda value: (
            isinstance(value, list)
            and all(isinstance(p, list) and len(p) == 2 and all(map(_is_number, p)) for p in value)
        ),
    ),
    "metrics": (
        "an object of finite numbers",
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
    ),
    "commit": _TEXT,
    "description": _TEXT,
    "network": ("an object with 'name' and 'options', or an empty one", _is_network),
    "format": _int(FORMAT, FORMAT),
}
"""What each field must be, in words and as a check."""
