"""Loading of model files with ONNX Runtime, with a check of the contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rechroma.errors import ModelContractError
from rechroma.models.card import PROPERTY, ModelCard
from rechroma.models.runtime import ort
from rechroma.models.signature import check_contract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PREAMBLE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed: *)?")
_FATAL = 4  # ONNX Runtime's log level; what goes wrong is raised, so nothing need be printed
_HINT = "Give an .onnx file that 'rechroma export' wrote."


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
    session = _open(path, providers, options or _unoptimized())
    try:
        card = _card_of(session)
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


def _unoptimized() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _open(
    path: Path, providers: Sequence[Any], options: ort.SessionOptions
) -> ort.InferenceSession:
    options.log_severity_level = _FATAL
    try:
        return ort.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's own classes share no public base
        raise ModelContractError(
            f"{path} is not a model that ONNX Runtime can load: {_reason(error)}", hint=_HINT
        ) from error


def _card_of(session: ort.InferenceSession) -> ModelCard:
    text = session.get_modelmeta().custom_metadata_map.get(PROPERTY)
    if text is None:
        raise ModelContractError(
            f"there is no model card: the metadata property '{PROPERTY}' is missing", hint=_HINT
        )
    return ModelCard.from_json(text)


def _reason(error: Exception) -> str:
    """Shorten the message of an ONNX Runtime exception to one line."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    reason = _PREAMBLE.sub("", line)[:200]
    return "it is damaged, or something else than ONNX" if "rotobuf" in reason else reason
