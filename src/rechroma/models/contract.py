"""Loading of model files with ONNX Runtime, and the color model contract that they must satisfy.

======================== =================== =====================================================
input `lightness`        (N, 1, H, W)        CIE L* in 0..100; H and W are multiples of `stride`
input `hints`            (N, 3, H, W)        only where the card says so: a*, b* and a 0/1 mask
output `chroma`          (N, 2, h, w)        CIE a* and b*; h = H / scale, w = W / scale
output `distribution`    (N, Q, h', w')      optional: probabilities of the card's Q bins;
                                             h' = H / distribution_scale, likewise w'
======================== =================== =====================================================

All are float32. Anything specific to a network stays inside its graph, so that the runtime handles
one interface only.
"""

from __future__ import annotations

import os
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from rechroma.errors import ModelContractError, SourceError
from rechroma.models.card import PROPERTY, ModelCard
from rechroma.models.onnx_runtime import ort

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


_PREAMBLE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed: *)?")
_FATAL = 4  # ONNX Runtime's log level: all errors are raised, so that none is printed
_OPSET = 8  # field of ONNX's ModelProto: the versions of its operators
_METADATA = 14  # likewise: entries of a key and a value
_KEY, _VALUE = 1, 2
_FIXED_SIZES = {1: 8, 5: 4}  # of protobuf's fields, in bytes, by wire type
_HINT = "Give an .onnx file that 'rechroma export' wrote."
_CARD_HINT = (
    f"{_HINT[:-1]}, or convert one of DDColor or DeOldify: "
    "rechroma models import FILE.onnx -o OUT.onnx"
)


def load_model(
    path: Path,
    providers: Sequence[Any] = ("CPUExecutionProvider",),
    options: ort.SessionOptions | None = None,
) -> tuple[ort.InferenceSession, ModelCard]:
    """Load a model file and check its contract.

    Args:
        path: The model file.
        providers: ONNX Runtime's providers, best first.
        options: Session options; None for no graph optimization, which is enough to read the card.

    Returns:
        The session, ready to run, and the model's card.

    Raises:
        ModelContractError: The file is not a model or violates the contract; it names the part.
    """
    if options is None:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _FATAL
    try:
        session = ort.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's own classes share no public base
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = _PREAMBLE.sub("", line)[:200]
        if "protobuf" in reason.lower():
            reason = "it is damaged, or not an ONNX file"
        raise ModelContractError(
            f"{path} is not a model that ONNX Runtime can load: {reason}", hint=_HINT
        ) from error
    try:
        text = session.get_modelmeta().custom_metadata_map.get(PROPERTY)
        if text is None:
            raise ModelContractError(
                f"there is no model card: the metadata property '{PROPERTY}' is missing",
                hint=_CARD_HINT,
            )
        card = ModelCard.from_json(text)
        check_contract(card, session.get_inputs(), session.get_outputs())
    except ModelContractError as error:
        raise ModelContractError(f"{path}: {error.message}", hint=error.hint) from error
    return session, card


def read_card(path: Path) -> ModelCard:
    """Read the card of a model file.

    Raises:
        ModelContractError: The file is not a model or violates the contract; it names the part.
    """
    return load_model(path)[1]


def peek_card(path: Path) -> ModelCard:
    """Read the card of a model file alone, without its weights, which can be gigabytes.

    The contract is not checked: that of a file with a card is checked when it is loaded.

    Raises:
        ModelContractError: The file is no ONNX file, or has no valid card.
    """
    try:
        texts = _metadata(path)
    except (OSError, ValueError) as error:
        raise ModelContractError(
            f"{path} is not a model: it is damaged, or not an ONNX file", hint=_HINT
        ) from error
    if PROPERTY.encode() not in texts:
        raise ModelContractError(
            f"{path}: there is no model card: the metadata property '{PROPERTY}' is missing",
            hint=_CARD_HINT,
        )
    try:
        return ModelCard.from_json(texts[PROPERTY.encode()])
    except ModelContractError as error:
        raise ModelContractError(f"{path}: {error.message}", hint=error.hint) from error


def lacks_card(path: Path) -> bool:
    """Check whether a file is an ONNX file, but no color model: that of another program."""
    try:
        check_lacks_card(path)
    except (SourceError, ModelContractError):
        return False
    return True


def check_lacks_card(path: Path) -> None:
    """Check that a file is an ONNX file of another program, without loading it.

    Raises:
        SourceError: The file cannot be read.
        ModelContractError: It is no ONNX file, or a color model already.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            has_opset = any(True for _ in _read_fields(file, size, {_OPSET}))
        is_color_model = PROPERTY.encode() in _metadata(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise no_onnx_error(path) from error
    if is_color_model:
        raise ModelContractError(f"{path} is a color model already", hint=f"Use it: --model {path}")
    if not size:
        raise ModelContractError(f"{path} is empty", hint="Copy or download it again.")
    if not has_opset:
        raise no_onnx_error(path)


def no_onnx_error(path: Path) -> ModelContractError:
    """Return the error that a file to import is no ONNX file."""
    return ModelContractError(
        f"{path} is damaged, or not an ONNX file",
        hint="Copy or download it again. Checkpoints: rechroma models import FILE --as NETWORK",
    )


def _metadata(path: Path) -> dict[bytes | None, str]:
    """Read the metadata properties of an ONNX file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no ONNX file, or damaged.
    """
    with path.open("rb") as file:
        entries = [
            dict(_read_fields(BytesIO(entry), len(entry), {_KEY, _VALUE}))
            for _, entry in _read_fields(file, os.fstat(file.fileno()).st_size, {_METADATA})
        ]
    return {entry.get(_KEY): entry.get(_VALUE, b"").decode() for entry in entries}


def _read_fields(file: BinaryIO, size: int, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the wanted length-delimited fields of a protobuf message; skip the others.

    Raises:
        ValueError: It is no such message, or truncated.
    """
    while file.tell() < size:
        number, kind = divmod(_read_varint(file), 8)
        if kind == 0:  # a number
            _read_varint(file)
            continue
        if kind not in _FIXED_SIZES and kind != 2:
            raise ValueError(f"unknown wire type {kind}")
        length = _FIXED_SIZES[kind] if kind in _FIXED_SIZES else _read_varint(file)
        if file.tell() + length > size:
            raise ValueError("truncated")
        if kind == 2 and number in wanted:
            yield number, file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _read_varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("truncated")


class Tensor(Protocol):
    """An input or output as ONNX Runtime describes it; a dynamic dimension is a string or None."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def shape(self) -> Sequence[int | str | None]: ...  # noqa: D102


def check_contract(card: ModelCard, inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> None:
    """Check the inputs and outputs of a model against its card and the contract.

    Raises:
        ModelContractError: A part violates it, which the message names.
    """
    for name in ("scale", "distribution_scale"):
        scale = getattr(card, name)
        if card.stride % scale:
            raise _breach(f"stride {card.stride} is not a multiple of {name} {scale}")
    wanted = {"lightness": 1, "hints": 3} if card.hints else {"lightness": 1}
    _check_tensors("input", inputs, required=wanted, optional={})
    _check_tensors(
        "output", outputs, required={"chroma": 2}, optional={"distribution": len(card.bins)}
    )


def _breach(what: str) -> ModelContractError:
    return ModelContractError(
        f"the model violates the contract: {what}", hint="Export it again with 'rechroma export'."
    )


def _check_tensors(
    kind: str,
    tensors: Iterable[Tensor],
    *,
    required: Mapping[str, int],
    optional: Mapping[str, int],
) -> None:
    found = {tensor.name: tensor for tensor in tensors}
    if missing := required.keys() - found.keys():
        raise _breach(f"{kind} '{min(missing)}' is missing")
    channels = {**optional, **required}
    if unknown := found.keys() - channels.keys():
        raise _breach(f"unknown {kind} '{min(unknown)}'")
    for name, tensor in found.items():
        _check_tensor(f"{kind} '{name}'", tensor, channels[name])


def _check_tensor(what: str, tensor: Tensor, channels: int) -> None:
    if tensor.type != "tensor(float)":
        raise _breach(f"{what} must be float32, not {tensor.type}")
    if len(tensor.shape) != 4:
        raise _breach(f"{what} must have 4 dimensions, not {len(tensor.shape)}")
    batch, depth, *sides = tensor.shape
    if isinstance(depth, int) and depth != channels:
        raise _breach(f"{what} must have {channels} channels, not {depth}")
    if what.startswith("input") and not isinstance(depth, int):
        raise _breach(f"{what} must have {channels} channels, not a dynamic number")
    if any(isinstance(size, int) for size in (batch, *sides)):
        raise _breach(f"{what} must have dynamic N, height and width, not {tensor.shape}")
