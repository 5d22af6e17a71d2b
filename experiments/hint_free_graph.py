"""Time of the bundled model next to the same model without hints, folded into its graph.

python experiments/hint_free_graph.py
"""

from __future__ import annotations

from statistics import median
from time import process_time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from rechroma.models import find_model

_HEIGHT, _WIDTH = 384, 512
_RUNS = 15


def main() -> None:
    """Measure both in turn and print the ratio."""
    model = onnx.load(find_model())
    lightness = np.random.default_rng(0).uniform(0, 100, (1, 1, _HEIGHT, _WIDTH))
    feeds = {"lightness": lightness.astype(np.float32)}
    hints = np.zeros((1, 3, _HEIGHT, _WIDTH), np.float32)
    whole = _session(model)
    folded = _session(_without_hints(model, hints))
    times: list[tuple[float, float]] = []
    for _ in range(_RUNS):
        start = process_time()
        whole.run(["chroma"], feeds | {"hints": hints})
        middle = process_time()
        folded.run(["chroma"], feeds)
        times.append((middle - start, process_time() - middle))
    with_hints, without = (median(column) for column in zip(*times, strict=True))
    print(f"{with_hints:.3f} s with hints, {without:.3f} s without: {without / with_hints:.2f}")


def _without_hints(model: onnx.ModelProto, hints: np.ndarray) -> onnx.ModelProto:
    """Make the hints a constant of the graph, and its shapes fixed, so that it can be folded."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    names = [one.name for one in graph.input]
    del graph.input[names.index("hints")]
    graph.initializer.append(numpy_helper.from_array(hints, "hints"))
    for dimension, size in zip(
        graph.input[0].type.tensor_type.shape.dim, (1, 1, _HEIGHT, _WIDTH), strict=True
    ):
        dimension.dim_value = size
    return changed


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    content = model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
