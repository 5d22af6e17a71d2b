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
_FATAL = 4  # ONNX Runtime's log level: all errors are raised, so that none is printed
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
    if options is None:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _FATAL
    try:
        session = ort.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's own classes share no public base
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = _PREAMBLE.sub("", line)[:200]
        if "rotobuf" in reason:
            reason = "it is damaged, or not an ONNX file"
        raise ModelContractError(
            f"{path} is not a model that ONNX Runtime can load: {reason}", hint=_HINT
        ) from error
    try:
        text = session.get_modelmeta().custom_metadata_map.get(PROPERTY)
        if text is None:
            raise ModelContractError(
                f"there is no model card: the metadata property '{PROPERTY}' is missing", hint=_HINT
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
