"""Time and memory of coloring a photograph, compared with decoding and encoding by Pillow.

    python benchmarks/photo.py [--model NAME_OR_PATH] [--repeat N] [--large]

The timings of one run alternate, so that other load on the machine affects all of them alike. The
image is a sample of scikit-image (`pip install "rechroma[app]"`), tiled: unlike an enlarged one it
has as much detail per pixel as a photograph.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import skimage
from PIL import Image
from process_cost import run_measured

from rechroma.colorizer import Colorizer
from rechroma.engines import OnnxEngine, available_threads
from rechroma.models import find_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

QUALITY = 92


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        _report(arguments.model, arguments.repeat, Path(folder), large=arguments.large)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--large", action="store_true", help="100 megapixels of 16 bit, too")
    return parser.parse_args()


def _report(model: str, repeat: int, folder: Path, *, large: bool) -> None:
    big, small = folder / "12mp.jpg", folder / "1mp.jpg"
    Image.fromarray(tiled_gray(3000, 4000)).save(big, quality=QUALITY)
    Image.fromarray(tiled_gray(1000, 1000)).save(small, quality=QUALITY)
    colorizer = Colorizer(model)
    engine = OnnxEngine(find_model(model))
    square = np.full((1, 1, 256, 256), 50, np.float32)
    stored = big.read_bytes()
    seconds = _time_alternating(
        {
            "gray": lambda: _recode_with_pillow(stored, "L"),
            "rgb": lambda: _recode_with_pillow(stored, "RGB"),
            "ours": lambda: colorizer.colorize_file(big, overwrite=True),
            "network": lambda: engine.chroma(square),
        },
        repeat,
    )
    print(f"{available_threads()} threads, median of {repeat}; 12 megapixels, JPEG to JPEG")
    print(f"Pillow, gray to gray            {seconds['gray'] * 1e3:7.0f} ms")
    print(f"Pillow, gray to RGB             {seconds['rgb'] * 1e3:7.0f} ms")
    print(f"Rechroma, warm                  {seconds['ours'] * 1e3:7.0f} ms")
    print(f"  over Pillow gray to gray      {seconds['ours'] / seconds['gray']:7.2f} x")
    print(f"  over Pillow gray to RGB       {seconds['ours'] / seconds['rgb']:7.2f} x")
    print(f"network alone, 256 x 256        {seconds['network'] * 1e3:7.0f} ms")
    for name, source in (("12 MP", big), ("1 MP", small)):
        elapsed, peak = _measure_command(source, model)
        print(f"rechroma photo.jpg, cold, {name:5} {elapsed:7.2f} s {peak:6.0f} MB at the peak")
    if large:
        _report_large(model, folder)


def _report_large(model: str, folder: Path) -> None:
    gray = tiled_gray(10000, 10000).astype(np.uint16) * 257
    for name, channels in (("gray", 1), ("RGB", 3)):
        source = folder / f"100mp-{name}.tif"
        cv2.imwrite(str(source), np.repeat(gray[..., None], channels, axis=-1))
        elapsed, peak = _measure_command(source, model)
        print(f"100 MP, 16-bit {name:4} TIFF, cold  {elapsed:7.2f} s {peak:6.0f} MB at the peak")


def tiled_gray(height: int, width: int) -> NDArray[np.uint8]:
    """Tile a photograph: unlike an enlarged one, it has as much detail per pixel."""
    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as image:
        gray = np.asarray(image.convert("L"))
    tile = np.block([[gray, gray[:, ::-1]], [gray[::-1], gray[::-1, ::-1]]])
    tiled = np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))
    return np.ascontiguousarray(tiled[:height, :width])


def _recode_with_pillow(stored: bytes, mode: str) -> None:
    with Image.open(io.BytesIO(stored)) as image:
        image.convert(mode).save(io.BytesIO(), "JPEG", quality=QUALITY)


def _time_alternating(actions: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Measure the median seconds of each action, in alternation, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeat + 1):
        for name, action in actions.items():
            began = perf_counter()
            action()
            seconds[name].append(perf_counter() - began)
    return {name: median(values[1:]) for name, values in seconds.items()}


def _measure_command(source: Path, model: str) -> tuple[float, float]:
    """Measure seconds and peak memory in megabytes of the command line in a new process."""
    cost = run_measured("-m", "rechroma", str(source), "--overwrite", "--model", model)
    return cost.seconds, cost.megabytes


if __name__ == "__main__":
    main()
