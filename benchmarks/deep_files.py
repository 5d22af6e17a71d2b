"""Coloring of 16-bit TIFFs and PNGs, compared with reading and writing them by OpenCV.

    python benchmarks/deep_files.py [--megapixels N] [--repeat N] [--model NAME_OR_PATH]

A gray file with the noise of a scanner is colored. OpenCV reads the same file and writes the
colored pixels, with the compression of the result (deflate) and, for a TIFF, with LZW, its default.
They alternate; memory is that of the command line in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from photo import tiled_gray
from process_cost import run_measured

from rechroma.colorizer import Colorizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NOISE = 250  # standard deviation in 16-bit levels
DEFLATE, LZW = (  # of OpenCV's encoders
    [cv2.IMWRITE_TIFF_COMPRESSION, 8, cv2.IMWRITE_PNG_COMPRESSION, 1],
    [cv2.IMWRITE_TIFF_COMPRESSION, 5],
)


def main() -> None:
    """Print a table for each format."""
    arguments = _arguments()
    side = round((arguments.megapixels * 1e6) ** 0.5)
    noise = np.random.default_rng(0).normal(0, NOISE, (side, side))
    levels = cv2.GaussianBlur(tiled_gray(side, side).astype(np.float32) * 257, (0, 0), 1) + noise
    gray = np.clip(levels, 0, 65535).astype(np.uint16)
    del noise, levels
    colorizer = Colorizer(arguments.model)
    print(f"{arguments.megapixels:g} megapixels; load before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".tif", ".png"):
            _report(Path(folder, "scan" + suffix), gray, colorizer, arguments)
    print(f"load after {os.getloadavg()[0]:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megapixels", type=float, default=30)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", default="default")
    return parser.parse_args()


def _report(
    source: Path, gray: NDArray[np.uint16], colorizer: Colorizer, arguments: argparse.Namespace
) -> None:
    cv2.imwrite(str(source), gray)
    ours, theirs = (source.with_name(name + source.suffix) for name in ("ours", "theirs"))
    command = run_measured(
        *("-m", "rechroma", str(source), "-o", str(ours), "--model", arguments.model)
    )
    rgb = cv2.imread(str(ours), cv2.IMREAD_UNCHANGED)
    actions: dict[str, Callable[[], object]] = {
        "Rechroma": lambda: colorizer.colorize_file(source, ours, overwrite=True),
        "OpenCV, deflate": lambda: _copy(source, theirs, rgb, DEFLATE),
    }
    if source.suffix == ".tif":
        actions["OpenCV, LZW"] = lambda: _copy(source, theirs, rgb, LZW)
    costs = {name: _measure(action, arguments.repeat) for name, action in actions.items()}
    size = ours.stat().st_size / 1e6
    print(f"{source.suffix}: a result of {size:.0f} MB, {command.megabytes:.0f} MB of memory")
    for name, (seconds, processor_seconds) in costs.items():
        print(f"  {name:<18} {seconds:6.2f} s, {processor_seconds:6.2f} of the processors")
    for name in list(costs)[1:]:
        ratios = [a / b for a, b in zip(costs["Rechroma"], costs[name], strict=True)]
        print(f"  over {name:<18} {ratios[0]:.2f}, {ratios[1]:.2f}")


def _copy(source: Path, target: Path, rgb: NDArray[np.uint16], options: list[int]) -> None:
    cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(target), rgb, options)


def _measure(action: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Measure the median seconds and processor seconds."""
    costs = []
    for _ in range(repeat):
        began, used = perf_counter(), process_time()
        action()
        costs.append((perf_counter() - began, process_time() - used))
    return median(cost[0] for cost in costs), median(cost[1] for cost in costs)


if __name__ == "__main__":
    main()
