"""Inference settings compared with those that ship: one change per row.

    python benchmarks/inference_settings.py SHARDS [--model NAME_OR_PATH] [--limit N]

SHARDS are color photographs, such as `data/dev-*.tar`. Rows: the input size, averaging with the
mirror image, the upsampling of the chroma to the input size, the saturation, and the network in
8-bit arithmetic (static QDQ, calibrated on 100 of the images, so slightly flattered). Milliseconds
are of the network alone at 256 x 256, all rows in one run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx

from rechroma.color import lightness
from rechroma.colorizer import Colorizer
from rechroma.datasets import Shards
from rechroma.engines import OnnxEngine
from rechroma.evaluation import to_gray
from rechroma.evaluation.metrics.accumulator import MetricAccumulator
from rechroma.evaluation.predictor import network_milliseconds
from rechroma.models import find_model
from rechroma.models.onnx_runtime import ort

# After our import, which disables the runtime's telemetry.
from onnxruntime.quantization import (  # isort: skip
    CalibrationDataReader,
    QuantFormat,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.color.lab import Float
    from rechroma.engines import Engine
    from rechroma.models import ModelCard
    from rechroma.options import InferenceOptions

    Row = tuple[str, Engine, InferenceOptions]

CALIBRATION = 100  # images
SIDE = 256


class ChangedEngine:
    """An engine whose chroma is changed by a function of (engine, lightness).

    Args:
        engine: The model.
        chroma: Gives (N, 2, H / scale, W / scale).
        scale: If it is not the model's.
    """

    def __init__(
        self, engine: Engine, chroma: Callable[[Engine, Float], Float], scale: int | None = None
    ) -> None:
        self._engine, self._chroma = engine, chroma
        self.card: ModelCard = replace(engine.card, scale=scale or engine.card.scale)

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:  # noqa: ARG002
        """Compute the changed chroma."""
        return self._chroma(self._engine, lightness)

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """Compute the engine's own distribution."""
        return self._engine.distribution(lightness, hints)


def average_with_mirror(engine: Engine, light: Float) -> Float:
    """Average the chroma of an image and of its mirror image."""
    both = engine.chroma(np.concatenate([light, light[..., ::-1]]))
    return (both[:1] + both[1:, ..., ::-1]) / 2


def upsample(interpolation: int) -> Callable[[Engine, Float], Float]:
    """Return a function that upsamples chroma to the input size by an interpolation of OpenCV."""

    def chroma(engine: Engine, light: Float) -> Float:
        planes = engine.chroma(light)[0]
        size = light.shape[:1:-1]
        resized = [cv2.resize(plane, size, interpolation=interpolation) for plane in planes]
        return np.stack(resized)[None]

    return chroma


def upsample_guided(engine: Engine, light: Float) -> Float:
    """Upsample bicubically, then apply a guided filter by lightness (He et al. 2010)."""
    guide = light[0, 0]
    planes = upsample(cv2.INTER_CUBIC)(engine, light)[0]
    return np.stack([_guided_filter(guide, plane) for plane in planes])[None]


def _guided_filter(guide: Float, plane: Float, radius: int = 4, epsilon: float = 25) -> Float:
    def mean(values: Float) -> Float:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)), np.float32)

    middle, level = mean(guide), mean(plane)
    slope = (mean(guide * plane) - middle * level) / (mean(guide * guide) - middle**2 + epsilon)
    offset = level - slope * middle
    return np.asarray(mean(slope) * guide + mean(offset), np.float32)


class Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Calibration inputs: the lightness of some images, without hints."""

    def __init__(self, images: Shards) -> None:
        numbers = np.linspace(0, len(images) - 1, min(CALIBRATION, len(images)), dtype=int)
        self._inputs = (_input(images[number]) for number in numbers)

    def get_next(self) -> dict[str, Float] | None:
        """Return the next inputs; None at the end."""
        return next(self._inputs, None)


def _input(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> dict[str, Float]:
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    light = lightness(np.asarray(small, np.uint8))[None, None]
    return {"lightness": light, "hints": np.zeros((1, 3, SIDE, SIDE), np.float32)}


def quantize(path: Path, images: Shards, folder: Path) -> Path:
    """Write a model file whose convolutions have 8-bit arithmetic."""
    whole, ready, target = (folder / f"{name}.onnx" for name in ("whole", "ready", "int8"))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(whole)
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(target),
        Calibration(images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=_sensitive_convolutions(onnx.load(ready)),
    )
    model, card = onnx.load(target), onnx.load(path).metadata_props
    del model.metadata_props[:]
    model.metadata_props.extend(card)
    onnx.save(model, target)
    return target


def _sensitive_convolutions(model: onnx.ModelProto) -> list[str]:
    """List convolutions that sum probabilities or give a*b*: in 8 bits they divide by zero."""
    outputs = {weights.name: sum(weights.dims[:1]) for weights in model.graph.initializer}
    convolutions = (node for node in model.graph.node if node.op_type == "Conv")
    return [node.name for node in convolutions if outputs.get(node.input[1], 0) <= 3]


def rows(engine: Engine, int8: Engine) -> Iterator[Row]:
    """Yield the rows of the table; the first is what ships."""
    yield "as shipped", engine, {}
    for size in (192, 320, 384):
        yield f"{size} px", engine, {"size": size}
    yield "averaged with the mirror image", ChangedEngine(engine, average_with_mirror), {}
    yield "bilinear chroma upsampling", ChangedEngine(engine, upsample(cv2.INTER_LINEAR), 1), {}
    yield "bicubic chroma upsampling", ChangedEngine(engine, upsample(cv2.INTER_CUBIC), 1), {}
    yield "guided-filter chroma upsampling", ChangedEngine(engine, upsample_guided, 1), {}
    for saturation in (0.8, 0.9, 1.1, 1.2):
        yield f"saturation {saturation}", engine, {"saturation": saturation}
    yield "8-bit arithmetic", int8, {}


def evaluate_row(row: Row, images: Shards, numbers: list[int]) -> str:
    """Evaluate one row and format it."""
    name, engine, options = row
    scores, gray_scores = MetricAccumulator(), MetricAccumulator()
    colorizer = Colorizer(engine=engine)
    for number in numbers:
        truth = images[number]
        gray = to_gray(truth)
        scores.update(np.asarray(colorizer.colorize(gray, **options), np.uint8), truth)
        gray_scores.update(np.repeat(gray[..., None], 3, axis=-1), truth)
    figures, gray_figures = scores.compute(), gray_scores.compute()
    cells = (
        f"{figures['hue_hit']:.1f}",
        f"{figures['ciede2000'] / gray_figures['ciede2000']:.3f}",
        f"{figures['balanced_auc'] - gray_figures['balanced_auc']:.2f}",
        f"{figures['cf_abs']:.1f}",
        f"{network_milliseconds(engine):.0f}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--limit", type=int, default=100)
    arguments = parser.parse_args()
    images, path = Shards(arguments.shards), find_model(arguments.model)
    numbers = np.linspace(0, len(images) - 1, min(arguments.limit, len(images)), dtype=int)
    print("| change | hue hit | CIEDE2000 / gray's | gain | CF abs | ms at 256 |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        int8 = OnnxEngine(quantize(path, images, Path(folder)))
        for row in rows(OnnxEngine(path), int8):
            print(evaluate_row(row, images, numbers.tolist()))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
