"""Inference with ONNX Runtime, on the CPU or an NVIDIA GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rechroma.engines.base import check_hints_supported, resolve_threads
from rechroma.errors import (
    EngineError,
    InvalidChromaError,
    ModelFeatureError,
    OptionError,
    ProviderError,
)
from rechroma.memory import trim_memory
from rechroma.models import load_model
from rechroma.models.onnx_runtime import ort
from rechroma.options import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.color.lab import Float
    from rechroma.models import ModelCard

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"


class OnnxEngine:
    """Runs a color model file with ONNX Runtime; safe to use from several threads.

    Args:
        path: The model file.
        provider: Execution provider: "cpu", "cuda", or "auto" for CUDA if available.
        threads: Threads of one run; None for one per available core, at most 8.

    Raises:
        ModelContractError: The file is not a model, or violates the contract.
        ProviderError: The provider is not available.
        OptionError: The provider is unknown, or `threads` is invalid.
    """

    def __init__(self, path: Path, provider: str = "auto", threads: int | None = None) -> None:
        self._path = path
        self._arguments = path.absolute(), provider, threads
        options = ort.SessionOptions()
        options.enable_cpu_mem_arena = False  # images differ in shape: an arena would only grow
        # Spinning threads would take the cores from others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = resolve_threads(threads)
        if provider not in PROVIDERS:
            raise OptionError(
                f"unknown provider {provider!r:.60}", hint=f"Choose one of {', '.join(PROVIDERS)}."
            )
        has_cuda = _CUDA in ort.get_available_providers()
        providers = [_CUDA, _CPU] if has_cuda and provider != "cpu" else [_CPU]
        self._session, self._card = load_model(path, providers, options)
        trim_memory()
        if provider == "cuda" and self.provider != "cuda":
            raise ProviderError(
                "provider 'cuda' is not available here",
                hint="Use 'cpu', or install onnxruntime-gpu in place of onnxruntime, and CUDA's "
                "libraries.",
            )

    def __repr__(self) -> str:
        return f"OnnxEngine({str(self._path)!r}, provider={self.provider!r})"

    def __reduce__(self) -> tuple[type[OnnxEngine], tuple[Path, str, int | None]]:
        return OnnxEngine, self._arguments  # a session cannot be pickled

    @property
    def card(self) -> ModelCard:
        """The model card."""
        return self._card

    @property
    def provider(self) -> str:
        """The execution provider in use: "cpu" or "cuda"."""
        return "cuda" if _CUDA in self._session.get_providers() else "cpu"

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict chroma with the contract of :class:`Engine`; checks shape and finiteness."""
        return self._output("chroma", (2, self._card.scale), lightness, hints)

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict bin probabilities with the contract of :class:`Engine`, checked likewise."""
        if "distribution" not in (output.name for output in self._session.get_outputs()):
            raise ModelFeatureError(
                f"the model {self._card.name} has no distribution output",
                hint="Use another model.",
            )
        layout = len(self._card.bins), self._card.distribution_scale
        return self._output("distribution", layout, lightness, hints)

    def _output(
        self, name: str, layout: tuple[int, int], lightness: Float, hints: Float | None
    ) -> Float:
        """Run the model for one output, of which `layout` gives the channels and the scale."""
        check_hints_supported(self._card, hints)
        feed = {"lightness": np.ascontiguousarray(lightness, np.float32)}
        count, _, height, width = lightness.shape
        if self._card.hints:
            none = np.zeros((count, 3, height, width), np.float32)
            feed["hints"] = none if hints is None else np.ascontiguousarray(hints, np.float32)
        try:
            (output,) = self._session.run([name], feed)
        except Exception as error:  # ONNX Runtime's own classes share no public base
            raise EngineError(
                f"{self._path} failed on an input of {lightness.shape}: {error}".splitlines()[0],
                hint="Try a smaller size, or another provider.",
            ) from error
        channels, scale = layout
        expected = (count, channels, height // scale, width // scale)
        if output.shape != expected:
            raise self._invalid(f"{name} of shape {output.shape} instead of {expected}")
        if not np.isfinite(output).all():
            raise self._invalid(f"{name} that is not finite (NaN or infinity)")
        return np.asarray(output, np.float32)

    def _invalid(self, what: str) -> InvalidChromaError:
        return InvalidChromaError(
            f"{self._path} returned {what}", hint="Use another model: see 'rechroma models list'."
        )
