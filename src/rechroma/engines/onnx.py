"""Color models on ONNX Runtime: on any processor, and on NVIDIA cards where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rechroma.engines.base import check_takes_hints, checked_threads
from rechroma.errors import (
    EngineError,
    InvalidChromaError,
    ModelFeatureError,
    OptionError,
    ProviderError,
)
from rechroma.models import load_model
from rechroma.models.runtime import ort

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.color.lab import Float
    from rechroma.models import ModelCard

PROVIDERS = ("auto", "cpu", "cuda")

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"


class OnnxEngine:
    """Runs a color model file with ONNX Runtime. Safe to use from several threads.

    Args:
        path: The model file.
        provider: "cpu", "cuda", or "auto" for the best there is.
        threads: Threads for one run; without, one for each core that the process may use.

    Raises:
        ModelContractError: The file is no model or breaks the contract.
        ProviderError: The provider is not available here.
        OptionError: The provider is unknown, or `threads` below 1.
    """

    def __init__(self, path: Path, provider: str = "auto", threads: int | None = None) -> None:
        self._path = path
        self._session, self._card = load_model(path, _resolve(provider), _options(threads))
        if provider == "cuda" and self.provider != "cuda":
            raise _no_cuda()

    @property
    def card(self) -> ModelCard:
        """What the model says about itself."""
        return self._card

    @property
    def provider(self) -> str:
        """What the model runs on: "cpu" or "cuda"."""
        return "cuda" if _CUDA in self._session.get_providers() else "cpu"

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """See :meth:`rechroma.engines.Engine.chroma`.

        Raises:
            InvalidChromaError: The model gave a NaN, an infinity or a wrong shape.
            EngineError: The model failed.
            ModelFeatureError: There are hints, and the model takes none.
        """
        return self._output("chroma", (2, self._card.scale), lightness, hints)

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """See :meth:`rechroma.engines.Engine.distribution`.

        Raises:
            InvalidChromaError: The model gave a NaN, an infinity or a wrong shape.
            EngineError: The model failed.
            ModelFeatureError: The model gives none; or there are hints, and it takes none.
        """
        if "distribution" not in (output.name for output in self._session.get_outputs()):
            raise ModelFeatureError(
                f"the model {self._card.name} gives no distribution of colors",
                hint="Use another model.",
            )
        layout = len(self._card.bins), self._card.distribution_scale
        return self._output("distribution", layout, lightness, hints)

    def _output(
        self, name: str, layout: tuple[int, int], lightness: Float, hints: Float | None
    ) -> Float:
        """Run the model for one output, whose channels and scale are `layout`."""
        feed = self._feed(lightness, hints)
        try:
            (output,) = self._session.run([name], feed)
        except Exception as error:  # ONNX Runtime's own classes share no public base
            raise EngineError(
                f"{self._path} failed on an input of {lightness.shape}: {error}".splitlines()[0],
                hint="Try a smaller size, or another provider.",
            ) from error
        channels, scale = layout
        count, _, height, width = lightness.shape
        self._check(output, name, (count, channels, height // scale, width // scale))
        return np.asarray(output, np.float32)

    def _feed(self, lightness: Float, hints: Float | None) -> dict[str, Any]:
        check_takes_hints(self._card, hints)
        feed = {"lightness": np.ascontiguousarray(lightness, np.float32)}
        if self._card.hints:
            count, _, height, width = lightness.shape
            none = np.zeros((count, 3, height, width), np.float32)
            feed["hints"] = none if hints is None else np.ascontiguousarray(hints, np.float32)
        return feed

    def _check(self, output: Float, name: str, wanted: tuple[int, ...]) -> None:
        if output.shape != wanted:
            raise self._invalid(f"a {name} of shape {output.shape} instead of {wanted}")
        if not np.isfinite(output).all():
            raise self._invalid(f"a {name} that is not finite (NaN or infinity)")

    def _invalid(self, what: str) -> InvalidChromaError:
        return InvalidChromaError(
            f"{self._path} gave {what}", hint="Use another model: see 'rechroma models list'."
        )


def _resolve(provider: str) -> list[str]:
    if provider not in PROVIDERS:
        raise OptionError(
            f"there is no provider '{provider}'", hint=f"Choose one of {', '.join(PROVIDERS)}."
        )
    has_cuda = _CUDA in ort.get_available_providers()
    if provider == "cuda" and not has_cuda:
        raise _no_cuda()
    return [_CUDA, _CPU] if has_cuda and provider != "cpu" else [_CPU]


def _no_cuda() -> ProviderError:
    return ProviderError(
        "provider 'cuda' is not available here",
        hint="Use 'cpu', or install onnxruntime-gpu in place of onnxruntime, and CUDA's libraries.",
    )


def _options(threads: int | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = False  # pictures differ in shape: an arena would only grow
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the core
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = checked_threads(threads)
    return options
