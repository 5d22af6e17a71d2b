"""Cost of a data set by its size: memory, opening, loading, and resuming in the middle.

    python benchmarks/large_datasets.py SHARDS... [--images N] [--steps N] [--seconds N]

Sets of any size are made of links to the shards: each link is scanned and indexed like a shard of
its own, but its images are not stored again, so reads mostly hit the page cache. Each size has a
fresh process. The training rate is that of the network that ships, with random weights, by its
recipe, at 128 px; the loader has that recipe's crops and one worker. Times are wall-clock times
unless marked CPU; other load on the machine does not change CPU times. Peaks are read from /proc
(Linux only). It takes about three minutes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tarfile
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.datasets import Sample, Shards
    from rechroma.training import Recipe

_T = TypeVar("_T")

RECIPE = Path(__file__).parents[1] / "recipes" / "rechroma-4" / "1-classification.toml"
SCALE = 4  # output stride of that recipe's network
WARM = 4  # batches before the loader's rate is measured
PACKED = 200  # images that are packed again
REPORTS = 20  # steps between two progress reports of training


class Rate(NamedTuple):
    """Images per second of wall-clock time and of CPU time."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Cost:
    """Cost of a data set of one size, in bytes and seconds."""

    images: int
    index: int
    empty: int
    peak: int
    worker: int
    opening: float
    digest: float
    first: float
    middle: float
    rate: Rate


@dataclass(frozen=True)
class Packing:
    """Cost of packing per image: CPU seconds, and bytes in the shard."""

    seconds: float
    camera: float
    size: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    shards = [Path(shard).resolve() for shard in arguments.shards]
    images, members = _count_members(shards)
    most = -(-arguments.images // images)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = [
            _run_in_process(_measure_set, _link_shards(shards, repeats, folder), arguments.seconds)
            for repeats in (1, 10, most)
        ]
        training = _run_in_process(_measure_training, shards, folder / "run", arguments.steps)
        packing = _run_in_process(_measure_packing, shards, folder)
    _print(costs, members / images, training)
    print(f"packing, CPU ms per image         {packing.seconds * 1e3:18.1f}")
    print(f"  of 12 megapixels, JPEG          {packing.camera * 1e3:18.1f}")
    print(f"packed, bytes per image           {packing.size:18,.0f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--images", type=int, default=1_000_000, help="in the largest set")
    parser.add_argument("--steps", type=int, default=2 * REPORTS, help="of training")
    parser.add_argument("--seconds", type=float, default=8, help="of loading, for each size")
    return parser.parse_args()


def _count_members(shards: list[Path]) -> tuple[int, int]:
    """Count the images and all members of the shards."""
    names: list[Path] = []
    for shard in shards:
        with tarfile.open(shard) as archive:
            names += [shard / member.name for member in archive if member.isfile()]
    return len({name.with_suffix("") for name in names}), len(names)


def _link_shards(shards: list[Path], repeats: int, folder: Path) -> Path:
    """Make a folder with `repeats` links to every shard."""
    made = folder / str(repeats)
    made.mkdir(exist_ok=True)
    for number in range(repeats):
        for shard in shards:
            link = made / f"{shard.stem}-{number:05}.tar"
            if not link.exists():
                link.symlink_to(shard)
    return made


def _run_in_process(function: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
    """Call a function in a new process and return its result."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *args).result()


def _measure_set(folder: Path, seconds: float) -> Cost:
    from rechroma.datasets import Shards

    recipe, empty = _recipe(), _peak()  # by now PyTorch is loaded, which is not the index's cost
    images, opening = _time(lambda: Shards([folder]), process_time)
    _, digest = _time(images.digest, process_time)
    batches, first = _start_loading(images, recipe, 0)
    [worker] = multiprocessing.active_children()
    rate = _rate(batches, seconds, worker.pid, recipe.batch_size)
    loaded = _peak(worker.pid)
    del batches
    _, middle = _start_loading(images, recipe, len(images) // recipe.batch_size // 2)
    return Cost(
        len(images),
        images.nbytes,
        empty,
        _peak(),
        loaded,
        opening,
        digest,
        first,
        middle,
        rate,
    )


def _recipe(*overrides: str) -> Recipe:
    from rechroma.training import load_recipe

    sizes = ("crops.sizes=[128]", "crops.size_shares=[1.0]")
    return load_recipe(RECIPE, [*sizes, "network.encoder_weights=''", *overrides])


def _start_loading(images: Shards, recipe: Recipe, step: int) -> tuple[Iterator[Sample], float]:
    """Start loading at a step; returns the batches and the seconds until the first."""
    from torch.utils.data import DataLoader

    from rechroma.datasets import ColorizationDataset, ReproducibleBatchSampler

    def begin() -> Iterator[Sample]:
        seen = step * recipe.batch_size
        specs = ReproducibleBatchSampler(
            len(images),
            recipe.crops,
            recipe.batch_size,
            recipe.seed,
            start=step,
            seen=seen,
            steps=1 << 40,
        )
        loader = DataLoader(
            ColorizationDataset(images, recipe.crops, SCALE),
            batch_sampler=specs,
            num_workers=1,
            worker_init_fn=_quiet,
            multiprocessing_context="spawn",
        )
        batches = iter(loader)
        next(batches)
        return batches

    return _time(begin)


def _quiet(_: int) -> None:
    import cv2

    cv2.setNumThreads(1)


def _rate(batches: Iterator[object], seconds: float, worker: int | None, batch: int) -> Rate:
    for _ in range(WARM):
        next(batches)
    began, busy, count = perf_counter(), _cpu_time(worker), 0
    while perf_counter() < began + seconds:
        next(batches)
        count += batch
    return Rate(count / (perf_counter() - began), count / (_cpu_time(worker) - busy))


def _measure_training(shards: list[Path], folder: Path, steps: int) -> Rate:
    """Measure the rate of training, without its start."""
    from rechroma.training import Progress, train

    recipe = _recipe(
        f"steps={max(2, steps // REPORTS) * REPORTS}",
        "checkpoint_interval=1000000",
        f"data.train={json.dumps(list(map(str, shards)))}",
        "data.val=[]",
    )
    times: list[tuple[float, float]] = []

    def note(_: Progress) -> None:
        times.append((perf_counter(), process_time()))

    train(recipe, folder, on_progress=note)
    shown = (len(times) - 1) * REPORTS * recipe.batch_size
    wall, cpu = (last - first for first, last in zip(times[0], times[-1], strict=True))
    return Rate(shown / wall, shown / cpu)


def _measure_packing(shards: list[Path], folder: Path) -> Packing:
    """Measure packing of some of the images again, and of a photograph from a camera."""
    from rechroma.datasets.build.pack import PackConfig, pack
    from rechroma.datasets.build.preprocess import preprocess_image

    _extract(shards, folder / "loose")
    manifest, seconds = _time(
        lambda: pack(folder / "loose", folder / "packed", PackConfig(val_share=0), jobs=1),
        process_time,
    )
    images, form = manifest["images"], PackConfig().form
    size = sum(shard["bytes"] for shard in manifest["shards"]) / images["kept"]
    camera = _write_camera_photo(folder / "camera.jpg")
    _, single = _time(lambda: [preprocess_image(camera, "", form) for _ in range(5)], process_time)
    return Packing(seconds / images["found"], single / 5, size)


def _extract(shards: list[Path], folder: Path) -> None:
    """Write some images of the shards as single files."""
    import cv2

    from rechroma.datasets import Shards
    from rechroma.datasets.shards import evenly_spaced

    images = Shards(shards)
    folder.mkdir()
    for number in evenly_spaced(len(images), PACKED):
        cv2.imwrite(str(folder / f"{number}.png"), images[number][..., ::-1])


def _write_camera_photo(path: Path) -> Path:
    """Write a photograph of 12 megapixels: a sample of scikit-image, tiled."""
    import numpy as np
    import skimage
    from PIL import Image

    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as image:
        tile = np.asarray(image.convert("RGB"))
    tiled = np.tile(tile, (6, 8, 1))[:3000, :4000]
    Image.fromarray(tiled).save(path, quality=92)
    return path


def _time(action: Callable[[], _T], clock: Callable[[], float] = perf_counter) -> tuple[_T, float]:
    began = clock()
    return action(), clock() - began


def _cpu_time(process: int | None) -> float:
    """Read the CPU seconds of another process."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(process: int | None = None) -> int:
    """Read the peak memory of a process in bytes."""
    status = Path(f"/proc/{process or os.getpid()}/status").read_text("utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _print(costs: list[Cost], members: float, training: Rate) -> None:
    rows: list[tuple[str, Callable[[Cost], str]]] = [
        ("images", lambda cost: f"{cost.images:,}"),
        ("index, bytes per image", lambda cost: f"{cost.index / cost.images:.1f}"),
        ("index, MB", lambda cost: f"{cost.index / 1e6:.1f}"),
        ("peak before opening, MB", lambda cost: f"{cost.empty / 1e6:.0f}"),
        ("peak of the process, MB", lambda cost: f"{cost.peak / 1e6:.0f}"),
        ("peak of its worker, MB", lambda cost: f"{cost.worker / 1e6:.0f}"),
        ("opening, CPU s", lambda cost: f"{cost.opening:.2f}"),
        ("  per 10,000 members", lambda c: f"{c.opening / c.images / members * 1e4:.3f}"),
        ("digest, CPU s", lambda cost: f"{cost.digest:.2f}"),
        ("first batch, from step 0, s", lambda cost: f"{cost.first:.1f}"),
        ("first batch, mid-epoch, s", lambda cost: f"{cost.middle:.1f}"),
        ("loader, crops per second", lambda cost: f"{cost.rate.wall:.0f}"),
        ("  per CPU second", lambda cost: f"{cost.rate.cpu:.0f}"),
        ("training, images per second", lambda _: f"{training.wall:.0f}"),
        ("  per CPU second", lambda _: f"{training.cpu:.0f}"),
        ("loader / training", lambda cost: f"{cost.rate.wall / training.wall:.1f}"),
        ("  by CPU time", lambda c: f"{c.rate.cpu / training.cpu:.1f}"),
    ]
    for name, figure in rows:
        print(f"{name:28}" + "".join(f"{figure(cost):>12}" for cost in costs))


if __name__ == "__main__":
    main()
