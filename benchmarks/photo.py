"""Time and memory of coloring a JPEG, compared with decoding and encoding it by Pillow.

    python benchmarks/photo.py [--model NAME_OR_PATH] [--repeat N] [--before FOLDER] [--large]

FOLDER is a checkout of another version, such as of `git worktree add FOLDER 933a52e`, which is
measured in the same run. Processor seconds of all threads stand beside the seconds that pass: on a
machine with other load, they are what can be compared. The measurements alternate, so that load
affects all of them alike. The images are a sample of scikit-image (`pip install "rechroma[app]"`),
tiled: unlike an enlarged one it has as much detail per pixel as a photograph.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import skimage
from PIL import Image
from process_cost import run_measured

from rechroma.color.ycbcr import Planes, YcbcrTable
from rechroma.engines import OnnxEngine, available_threads
from rechroma.engines.preprocess import ModelInput
from rechroma.imaging import ChromaUpsampler, read_photo, write_subsampled
from rechroma.imaging.codecs.jpeg_strips import encode_strip, strip_rows
from rechroma.models import find_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

QUALITY = 92
SIZES = {"12 MP": (3000, 4000), "1 MP": (1000, 1000)}
LARGE = {
    "100 MP": (10000, 10000),
    "250 MP": (15800, 15800),
    "100 MP, toned": (10000, 10000),
}
TONE = (1.0, 0.95, 0.8)  # of red, green and blue
SOURCES = Path(__file__).parents[1] / "src"

# Colors the files that are named on stdin, in another process, which can have another version.
_WORKER = """
import sys
from time import perf_counter, process_time
from rechroma.colorizer import Colorizer
colorizer = Colorizer(sys.argv[1])
for line in sys.stdin:
    began = perf_counter(), process_time()
    colorizer.colorize_file(line.strip(), overwrite=True)
    print(perf_counter() - began[0], process_time() - began[1], flush=True)
"""


class Cost(NamedTuple):
    """Seconds that pass, and processor seconds of all threads."""

    wall: float
    processor: float


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        _report(arguments, Path(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--before", type=Path, help="checkout of another version")
    parser.add_argument(
        "--large", action="store_true", help="memory at 100 and 250 MP, and of a toned JPEG, too"
    )
    return parser.parse_args()


def _report(arguments: argparse.Namespace, folder: Path) -> None:
    files = {name: _write_jpeg(folder, name, size) for name, size in SIZES.items()}
    engine = OnnxEngine(find_model(arguments.model))
    print(f"{available_threads()} threads, {arguments.repeat} repetitions, gray JPEG to color JPEG")
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    for name, file in files.items():
        _report_speed(name, file, engine, arguments)
    print(f"\nload of the machine after: {os.getloadavg()[0]:.1f}")
    _report_steps(files["12 MP"], engine, arguments.repeat)
    sizes = {**SIZES, **(LARGE if arguments.large else {})}
    _report_memory(
        {name: files.get(name) or _write_jpeg(folder, name, sizes[name]) for name in sizes},
        arguments.model,
    )


def _write_jpeg(folder: Path, name: str, size: tuple[int, int]) -> Path:
    file = folder / f"{name.replace(' ', '')}.jpg"
    pixels = tiled_gray(*size)
    if "toned" in name:
        pixels = np.dstack([(pixels * factor).astype(np.uint8) for factor in TONE])
    with _no_pixel_limit():
        Image.fromarray(pixels).save(file, quality=QUALITY)
    return file


@contextmanager
def _no_pixel_limit() -> Iterator[None]:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def tiled_gray(height: int, width: int) -> NDArray[np.uint8]:
    """Tile a photograph: unlike an enlarged one, it has as much detail per pixel."""
    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as image:
        gray = np.asarray(image.convert("L"))
    tile = np.block([[gray, gray[:, ::-1]], [gray[::-1], gray[::-1, ::-1]]])
    tiled = np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))
    return np.ascontiguousarray(tiled[:height, :width])


def _report_speed(name: str, file: Path, engine: OnnxEngine, arguments: argparse.Namespace) -> None:
    stored = file.read_bytes()
    network = ModelInput.from_image(read_photo(stored).gray, engine.card)
    with ExitStack() as stack:
        actions = {
            "Pillow, gray to gray": lambda: _measure(lambda: _recode(stored, "L")),
            "Pillow, gray to RGB": lambda: _measure(lambda: _recode(stored, "RGB")),
            "network alone": lambda: _measure(lambda: engine.chroma(network.lightness)),
            "Rechroma, warm": stack.enter_context(_worker(SOURCES, file, arguments.model)),
        }
        if arguments.before:
            sources = arguments.before / "src"
            actions["version before, warm"] = stack.enter_context(_worker(sources, file, "default"))
        costs = _alternate(actions, arguments.repeat)
    gray, alone = costs["Pillow, gray to gray"], costs["network alone"]
    print(f"\n{name:26}     ms  processor ms   over Pillow gray   over the network")
    for action, cost in costs.items():
        print(
            f"{action:26} {cost.wall * 1e3:6.0f} {cost.processor * 1e3:13.0f}"
            f" {cost.wall / gray.wall:9.2f} ({cost.processor / gray.processor:.2f})"
            f" {cost.wall / alone.wall:10.2f} ({cost.processor / alone.processor:.2f})"
        )


def _recode(stored: bytes, mode: str) -> None:
    with Image.open(io.BytesIO(stored)) as image:
        image.convert(mode).save(io.BytesIO(), "JPEG", quality=QUALITY)


@contextmanager
def _worker(sources: Path, file: Path, model: str) -> Iterator[Callable[[], Cost]]:
    """Start a process that colors a file whenever the function that is returned is called."""
    copy = file.with_name(f"{file.stem}-{len(str(sources))}-{abs(hash(sources))}.jpg")
    copy.write_bytes(file.read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(sources.resolve())},
        text=True,
    )

    def color() -> Cost:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{copy}\n")
        process.stdin.flush()
        return Cost(*map(float, process.stdout.readline().split()))

    with process:
        yield color
        assert process.stdin
        process.stdin.close()


def _measure(action: Callable[[], object]) -> Cost:
    began = perf_counter(), process_time()
    action()
    return Cost(perf_counter() - began[0], process_time() - began[1])


def _alternate(actions: dict[str, Callable[[], Cost]], repeat: int) -> dict[str, Cost]:
    """Return the median seconds and the least processor seconds of each, after a warm-up."""
    costs: dict[str, list[Cost]] = {name: [] for name in actions}
    for _ in range(repeat + 1):
        for name, action in actions.items():
            costs[name].append(action())
    return {
        name: Cost(median(cost.wall for cost in found[1:]), min(cost.processor for cost in found))
        for name, found in costs.items()
    }


def _report_steps(file: Path, engine: OnnxEngine, repeat: int) -> None:
    """Print the processor time of each step; strips are taken one by one, in one thread."""
    photo = read_photo(file)
    gray = np.asarray(photo.gray, np.uint8)
    network = ModelInput.from_image(gray, engine.card)
    chroma = network.unpad(engine.chroma(network.lightness))
    step = strip_rows(gray.shape[1])
    strips = [slice(top, top + step) for top in range(0, len(gray), step)]
    halves = [slice(top // 2, (top + step) // 2) for top in range(0, len(gray), step)]
    table = YcbcrTable(chroma)
    upsampler = ChromaUpsampler(table.steps, gray.shape, block=2)
    blocks = [upsampler.strip(rows) for rows in halves]
    planes = [table.render(gray[rows], ab) for rows, ab in zip(strips, blocks, strict=True)]

    def over(function: Callable[..., object], *lists: list[object]) -> Callable[[], object]:
        return lambda: [function(*each) for each in zip(*lists, strict=True)]

    rows = [gray[each] for each in strips]
    whole = _alternate(
        {
            name: (lambda action=action: _measure(action))  # type: ignore[misc]
            for name, action in {
                "read and decode": lambda: read_photo(file),
                "network input": lambda: ModelInput.from_image(gray, engine.card),
                "network": lambda: engine.chroma(network.lightness),
                "upsample chroma to half size": over(upsampler.strip, [*halves]),
                "table of colors": lambda: YcbcrTable(chroma),
                "colors at half size, and luma": over(table.render, [*rows], [*blocks]),
                "encode": over(lambda each: encode_strip(Planes(*each), QUALITY), [*planes]),
                "upsample, render and write": lambda: write_subsampled(
                    io.BytesIO(), photo, chroma, threads=available_threads()
                ),
            }.items()
        },
        repeat,
    )
    print("\nsteps of 12 MP                  processor ms")
    for name, cost in whole.items():
        print(f"{name:30} {cost.processor * 1e3:13.0f}")


def _report_memory(files: dict[str, Path], model: str) -> None:
    print("\nrechroma photo.jpg, cold     s   processor s   peak MB   1.2 x decoded + 250 MB")
    for name, file in files.items():
        cost = run_measured("-m", "rechroma", str(file), "--overwrite", "--model", model)
        with _no_pixel_limit(), Image.open(file) as image:
            limit = 1.2 * image.width * image.height * len(image.getbands()) / 1e6 + 250
        print(
            f"{name:23} {cost.seconds:7.2f} {cost.processor_seconds:11.2f}"
            f" {cost.megabytes:11.0f} {limit:12.0f}"
        )


if __name__ == "__main__":
    main()
