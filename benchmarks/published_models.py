"""Time and memory of importing the published networks, and of coloring with them.

    python benchmarks/published_models.py [--only NAME]... [--repeat N] [--folder FOLDER]

The checkpoints have the published shapes and random weights, on which neither time nor memory
depends. Each import and each coloring runs in a process of its own. `import` is the command
`rechroma models import`, all of it; `coloring` is a photograph of 512 x 512 pixels, from gray to
colored pixels, with two threads, at the size of the input that the model's card states, after a
first one that is not counted. All takes some minutes and 5 GB of disk; the load of the machine is
printed, too: if it is above the number of cores, only the processor seconds mean something.

`deoldify-video` is left out: it is the network of `deoldify-stable`, on smaller inputs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from process_cost import run_measured

NAMES = (
    *("eccv16", "siggraph17", "ddcolor-tiny", "ddcolor"),
    *("deoldify-artistic", "deoldify-stable"),
)
SIDE = 512
THREADS = 2


def main() -> None:
    """Print the table, or run one step of it."""
    arguments = _arguments()
    if arguments.step == "checkpoint":
        _write_checkpoint(*arguments.operands)
    elif arguments.step == "color":
        _color(arguments.operands[0], arguments.repeat)
    else:
        _report(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=NAMES, help="can be repeated")
    parser.add_argument("--repeat", type=int, default=3, help="photographs that are timed")
    parser.add_argument("--folder", help="for the files, which are kept there")
    parser.add_argument("--weights", default="float32", choices=("float32", "float16", "int8"))
    parser.add_argument("--step", choices=("checkpoint", "color"), help=argparse.SUPPRESS)
    parser.add_argument("operands", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def _report(arguments: argparse.Namespace) -> None:
    columns = ("import s", "import CPU s", "import GB", "file MB")
    columns += ("coloring s", "coloring CPU s", "coloring GB")
    print(f"| network | {' | '.join(columns)} |")
    print(f"|{'---|' * (len(columns) + 1)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.only or NAMES:
            cells = _measure(name, folder, arguments.weights, arguments.repeat)
            print(f"| `{name}` | {' | '.join(cells)} |", flush=True)
            print(f"{name}: load {os.getloadavg()[0]:.1f}", file=sys.stderr)


def _measure(name: str, folder: Path, weights: str, repeat: int) -> list[str]:
    checkpoint, model = folder / f"{name}.pth", folder / f"{name}.onnx"
    if not checkpoint.exists():
        run_measured(__file__, "--step", "checkpoint", name, str(checkpoint))
    command = ("-m", "rechroma", "models", "import", str(checkpoint), "--as", name)
    imported = run_measured(*command, "-o", str(model), "--weights", weights, "--overwrite")
    colored = run_measured(__file__, "--step", "color", str(model), "--repeat", str(repeat))
    seconds, processor_seconds = map(float, colored.output.split())
    return [
        f"{imported.seconds:.0f}",
        f"{imported.processor_seconds:.0f}",
        f"{imported.megabytes / 1e3:.1f}",
        f"{model.stat().st_size / 1e6:.0f}",
        f"{seconds:.1f}",
        f"{processor_seconds:.1f}",
        f"{colored.megabytes / 1e3:.1f}",
    ]


def _write_checkpoint(name: str, target: str) -> None:
    import torch

    from rechroma.networks import create_network

    torch.manual_seed(0)
    torch.save(create_network(name, {}).state_dict(), target)


def _color(model: str, repeat: int) -> None:
    import numpy as np

    from rechroma.colorizer import Colorizer
    from rechroma.engines import OnnxEngine

    colorizer = Colorizer(engine=OnnxEngine(Path(model), provider="cpu", threads=THREADS))
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    gray = (128 + 100 * np.sin(9 * rows + 4 * columns) * np.cos(7 * columns)).astype(np.uint8)
    seconds, processor_seconds = [], []
    for _ in range(repeat + 1):
        began, worked = perf_counter(), process_time()
        colorizer.colorize(gray)
        seconds.append(perf_counter() - began)
        processor_seconds.append(process_time() - worked)
    print(median(seconds[1:]), median(processor_seconds[1:]))


if __name__ == "__main__":
    main()
