"""Pictures per second of `rechroma FOLDER`, compared with the sum of its parts.

    python benchmarks/folder.py [--photographs N] [--megapixels N] [--model NAME_OR_PATH] [--jobs N]

The parts, each alone on one thread and in processor seconds, are reading, the network, rendering
and writing; the best is all cores at work on nothing else, from the start of the process on. The
parts are measured before and after the folder, since a busy machine takes more processor seconds
for the same work; what other processes took of the cores is printed, too. Linux only: it reads
/proc. The images are a sample of scikit-image (`pip install "rechroma[app]"`), tiled.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from photo import QUALITY, tiled_gray
from PIL import Image
from process_cost import ProcessCost, run_measured

from rechroma.colorizer import Colorizer
from rechroma.imaging import read_photo, write_photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Value = TypeVar("Value")

KINDS = 8
REPEAT = 4
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the parts, the folder, and their ratio."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "photos")
        sources = _create_photos(folder, arguments)
        colorizer = Colorizer(arguments.model, provider="cpu", threads=1)
        before = _measure_parts(colorizer, sources[:KINDS])
        start, _ = _color(sources[0], arguments)
        cost, others = _color(folder, arguments)
        after = _measure_parts(colorizer, sources[:KINDS])
    cores, count = len(os.sched_getaffinity(0)), len(sources)
    parts = {part: (before[part] + after[part]) / 2 for part in before}
    total = sum(parts.values())
    start_seconds = start.processor_seconds - total
    each = (cost.processor_seconds - start_seconds) / count
    available = cores * cost.seconds
    work = start_seconds + total * count
    idle = available - others - cost.processor_seconds
    print(f"{count} JPEGs of {arguments.megapixels:g} megapixels, {cores} cores")
    _print("the start", start_seconds * 1e3, "ms of a processor")
    for part, seconds in parts.items():
        _print(part, seconds * 1e3, "ms")
    _print("sum of these parts", total * 1e3, f"ms: at best {cores / total:.2f} pictures/s")
    _print("a picture of the folder", each * 1e3, f"ms: {each / total:.2f} of the sum")
    _print("pictures per second", count / cost.seconds, "")
    _print("of the best", work / available * 100, "%")
    _print("of what others left", work / (available - others) * 100, "%")
    _print("idle", idle / available * 100, "%")
    _print("other processes", others / available * 100, "%")
    _print("memory at the peak", cost.megabytes, "MB")


def _print(name: str, number: float, unit: str) -> None:
    print(f"{name:<24} {number:7.1f} {unit}".rstrip())


def _color(path: Path, arguments: argparse.Namespace) -> tuple[ProcessCost, float]:
    """Run the command line; returns its cost, and processor seconds of other processes."""
    words = ["--jobs", str(arguments.jobs)] if arguments.jobs else []
    busy = _busy_seconds()
    cost = run_measured(
        *("-m", "rechroma", str(path), "-o", str(path.parent / f"{path.name}.out") + "/"),
        *("--quiet", "--provider", "cpu", "--model", arguments.model, *words),
    )
    return cost, _busy_seconds() - busy - cost.processor_seconds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--megapixels", type=float, default=1)
    parser.add_argument("--model", default="default")
    parser.add_argument("--jobs", type=int, help="as of `rechroma`")
    return parser.parse_args()


def _create_photos(folder: Path, arguments: argparse.Namespace) -> list[Path]:
    """Write photographs in the aspect ratio of 4 to 3, of some kinds that differ in place."""
    folder.mkdir()
    height = round((arguments.megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    gray = tiled_gray(height + KINDS, width)
    kinds = []
    for top in range(KINDS):
        file = io.BytesIO()
        Image.fromarray(gray[top : top + height]).save(file, "JPEG", quality=QUALITY)
        kinds.append(file.getvalue())
    paths = [folder / f"{number:05}.jpg" for number in range(arguments.photographs)]
    for number, path in enumerate(paths):
        path.write_bytes(kinds[number % KINDS])
    return paths


def _measure_parts(colorizer: Colorizer, sources: list[Path]) -> dict[str, float]:
    """Measure the median processor seconds of each part."""
    seconds: dict[str, list[float]] = {}

    def time(name: str, part: Callable[[], Value]) -> Value:
        began = process_time()
        value = part()
        seconds.setdefault(name, []).append(process_time() - began)
        return value

    for source in sources * REPEAT:
        photo = time("reading", partial(read_photo, source))
        chroma = time("the network", partial(colorizer.predict, photo))
        rgb = time("rendering", partial(colorizer.render, photo, chroma))
        time("writing", partial(write_photo, io.BytesIO(), rgb, photo))
    return {name: median(values) for name, values in seconds.items()}


def _busy_seconds() -> float:
    """Processor seconds of all processes since the machine started."""
    user, nice, system = map(int, Path("/proc/stat").read_text("utf-8").split()[1:4])
    return (user + nice + system) / TICKS


if __name__ == "__main__":
    main()
