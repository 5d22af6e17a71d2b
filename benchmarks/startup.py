"""What the start of `rechroma photo.jpg` is spent on, in processor time.

    python benchmarks/startup.py [--model NAME_OR_PATH] [--repeat N]

The imports are those of new processes. The model is loaded with more and more of ONNX Runtime's
optimizations, of which all are in use, and from a copy of the optimized model.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from time import process_time

from process_cost import run_measured

from rechroma.engines import available_threads
from rechroma.models import find_model, load_model
from rechroma.models.onnx_runtime import ort

IMPORTS = {
    "Python alone": "pass",
    "and the commands": "import rechroma.cli.root",
    "and NumPy and ONNX Runtime": "from rechroma.engines import OnnxEngine",
    "and all else": "import rechroma.colorizer, rechroma.batch",
}
LEVELS = {
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "what is constant": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "and fused operators": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "and layout, all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder, "bytecode"))
        print(f"load of the machine before: {os.getloadavg()[0]:.1f}\n\nimports     processor ms")
        for number, name in enumerate(IMPORTS, 1):
            code = "; ".join(list(IMPORTS.values())[:number])
            costs = [run_measured("-c", code).processor_seconds for _ in range(arguments.repeat)]
            print(f"{name:30} {min(costs) * 1e3:6.0f}")
        _report_model(find_model(arguments.model), Path(folder, "optimized.onnx"), arguments.repeat)


def _report_model(model: Path, copy: Path, repeat: int) -> None:
    print("\nmodel, by optimization     processor ms")
    for name, level in LEVELS.items():
        print(f"{name:30} {_load(model, level, repeat) * 1e3:6.0f}")
    options = _options(LEVELS["and layout, all"])
    options.optimized_model_filepath = str(copy)
    load_model(model, options=options)
    print(f"{'optimized copy':30} {_load(copy, LEVELS['none'], repeat) * 1e3:6.0f}")
    print(f"\nmodel {model.stat().st_size / 1e6:.0f} MB, copy {copy.stat().st_size / 1e6:.0f} MB")


def _load(model: Path, level: ort.GraphOptimizationLevel, repeat: int) -> float:
    """Load a model repeatedly; returns the least processor seconds."""
    costs = []
    for _ in range(repeat):
        began = process_time()
        load_model(model, options=_options(level))
        costs.append(process_time() - began)
    return min(costs)


def _options(level: ort.GraphOptimizationLevel) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = False  # as the engine
    options.intra_op_num_threads = available_threads()
    options.graph_optimization_level = level
    return options


if __name__ == "__main__":
    main()
