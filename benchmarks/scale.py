"""What a set of pictures costs by its size: memory, opening, loading, going on in the middle.

    python benchmarks/scale.py SHARDS... [--pictures N] [--steps N] [--seconds N]

Sets of any size are made of the shards by links with other names: each link is scanned and indexed
like a shard of its own, though its pictures are not stored again, so what is read is mostly in
memory. Each size has a fresh process. The training rate is that of the network that ships, with
random weights, by its recipe, at 128 px; the loader has that recipe's crops, and one worker. What
is said of a processor is by its own clock, so that it holds on a machine with other work, too; all
else is by the clock on the wall. Peaks are read from /proc, so this is for Linux. It takes about
three minutes.
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

RECIPE = Path(__file__).parents[1] / "recipes" / "rechroma-1-classification.toml"
SCALE = 4  # by how much that recipe's network makes its color smaller
WARM = 4  # batches before the loader's rate is measured
PACKED = 200  # pictures that are packed again
REPORTS = 20  # steps between two figures of a training run


class Rate(NamedTuple):
    """Pictures a second: by the clock on the wall, and by that of the processor."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Cost:
    """What a set of one size costs, in bytes and seconds."""

    pictures: int
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
    """What packing costs: processor seconds, and bytes of a shard, for each picture."""

    seconds: float
    camera: float
    size: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    shards = [Path(shard).resolve() for shard in arguments.shards]
    pictures, members = _counted(shards)
    most = -(-arguments.pictures // pictures)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = [
            _apart(_measured, _repeated(shards, repeats, folder), arguments.seconds)
            for repeats in (1, 10, most)
        ]
        training = _apart(_trained, shards, folder / "run", arguments.steps)
        packing = _apart(_packed, shards, folder)
    _print(costs, members / pictures, training)
    print(f"packing, processor ms per picture {packing.seconds * 1e3:18.1f}")
    print(f"  of 12 megapixels, JPEG          {packing.camera * 1e3:18.1f}")
    print(f"packed, bytes per picture         {packing.size:18,.0f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--pictures", type=int, default=1_000_000, help="in the largest set")
    parser.add_argument("--steps", type=int, default=2 * REPORTS, help="of training")
    parser.add_argument("--seconds", type=float, default=8, help="of loading, for each size")
    return parser.parse_args()


def _counted(shards: list[Path]) -> tuple[int, int]:
    """The pictures and all members of some shards."""
    names: list[Path] = []
    for shard in shards:
        with tarfile.open(shard) as archive:
            names += [shard / member.name for member in archive if member.isfile()]
    return len({name.with_suffix("") for name in names}), len(names)


def _repeated(shards: list[Path], repeats: int, folder: Path) -> Path:
    """A folder in which every shard is found so many times."""
    made = folder / str(repeats)
    made.mkdir(exist_ok=True)
    for number in range(repeats):
        for shard in shards:
            link = made / f"{shard.stem}-{number:05}.tar"
            if not link.exists():
                link.symlink_to(shard)
    return made


def _apart(function: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
    """What a function gives in a new process, whose memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *args).result()


def _measured(folder: Path, seconds: float) -> Cost:
    from rechroma.datasets import Shards

    recipe, empty = _recipe(), _peak()  # by now PyTorch is loaded, which is not the index's cost
    pictures, opening = _timed(lambda: Shards([folder]), process_time)
    _, digest = _timed(pictures.digest, process_time)
    batches, first = _started(pictures, recipe, 0)
    [worker] = multiprocessing.active_children()
    rate = _rate(batches, seconds, worker.pid, recipe.batch_size)
    loaded = _peak(worker.pid)
    del batches
    _, middle = _started(pictures, recipe, len(pictures) // recipe.batch_size // 2)
    return Cost(
        len(pictures),
        pictures.nbytes,
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


def _started(pictures: Shards, recipe: Recipe, step: int) -> tuple[Iterator[Sample], float]:
    """Batches from a step on, and the seconds until the first is there."""
    from torch.utils.data import DataLoader

    from rechroma.datasets import ColorizationDataset, ReproducibleBatchSampler

    def begin() -> Iterator[Sample]:
        seen = step * recipe.batch_size
        tickets = ReproducibleBatchSampler(
            len(pictures),
            recipe.crops,
            recipe.batch_size,
            recipe.seed,
            start=step,
            seen=seen,
            steps=1 << 40,
        )
        loader = DataLoader(
            ColorizationDataset(pictures, recipe.crops, SCALE),
            batch_sampler=tickets,
            num_workers=1,
            worker_init_fn=_quiet,
            multiprocessing_context="spawn",
        )
        batches = iter(loader)
        next(batches)
        return batches

    return _timed(begin)


def _quiet(_: int) -> None:
    import cv2

    cv2.setNumThreads(1)


def _rate(batches: Iterator[object], seconds: float, worker: int | None, batch: int) -> Rate:
    for _ in range(WARM):
        next(batches)
    began, busy, count = perf_counter(), _processor_time(worker), 0
    while perf_counter() < began + seconds:
        next(batches)
        count += batch
    return Rate(count / (perf_counter() - began), count / (_processor_time(worker) - busy))


def _trained(shards: list[Path], folder: Path, steps: int) -> Rate:
    """The rate of training, without its start."""
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
    wall, processor = (last - first for first, last in zip(times[0], times[-1], strict=True))
    return Rate(shown / wall, shown / processor)


def _packed(shards: list[Path], folder: Path) -> Packing:
    """The costs of packing some of the pictures again, and of one as it comes from a camera."""
    from rechroma.datasets.build.pack import PackConfig, pack
    from rechroma.datasets.build.preprocess import preprocess_image

    _extract(shards, folder / "loose")
    manifest, seconds = _timed(
        lambda: pack(folder / "loose", folder / "packed", PackConfig(val_share=0), jobs=1),
        process_time,
    )
    pictures, form = manifest["images"], PackConfig().form
    size = sum(shard["bytes"] for shard in manifest["shards"]) / pictures["kept"]
    camera = _camera(folder / "camera.jpg")
    _, single = _timed(lambda: [preprocess_image(camera, "", form) for _ in range(5)], process_time)
    return Packing(seconds / pictures["found"], single / 5, size)


def _extract(shards: list[Path], folder: Path) -> None:
    """Write some pictures of the shards as files of their own."""
    import cv2

    from rechroma.datasets import Shards
    from rechroma.datasets.shards import evenly_spaced

    pictures = Shards(shards)
    folder.mkdir()
    for number in evenly_spaced(len(pictures), PACKED):
        cv2.imwrite(str(folder / f"{number}.png"), pictures[number][..., ::-1])


def _camera(path: Path) -> Path:
    """A photograph of 12 megapixels: a sample of scikit-image, tiled."""
    import numpy as np
    import skimage
    from PIL import Image

    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as image:
        tile = np.asarray(image.convert("RGB"))
    tiled = np.tile(tile, (6, 8, 1))[:3000, :4000]
    Image.fromarray(tiled).save(path, quality=92)
    return path


def _timed(action: Callable[[], _T], clock: Callable[[], float] = perf_counter) -> tuple[_T, float]:
    began = clock()
    return action(), clock() - began


def _processor_time(process: int | None) -> float:
    """The processor seconds that another process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(process: int | None = None) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{process or os.getpid()}/status").read_text("utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _print(costs: list[Cost], members: float, training: Rate) -> None:
    rows: list[tuple[str, Callable[[Cost], str]]] = [
        ("pictures", lambda cost: f"{cost.pictures:,}"),
        ("index, bytes per picture", lambda cost: f"{cost.index / cost.pictures:.1f}"),
        ("index, MB", lambda cost: f"{cost.index / 1e6:.1f}"),
        ("peak before opening, MB", lambda cost: f"{cost.empty / 1e6:.0f}"),
        ("peak of the process, MB", lambda cost: f"{cost.peak / 1e6:.0f}"),
        ("peak of its worker, MB", lambda cost: f"{cost.worker / 1e6:.0f}"),
        ("opening, processor s", lambda cost: f"{cost.opening:.2f}"),
        ("  per 10,000 members", lambda c: f"{c.opening / c.pictures / members * 1e4:.3f}"),
        ("digest, processor s", lambda cost: f"{cost.digest:.2f}"),
        ("first batch, from step 0, s", lambda cost: f"{cost.first:.1f}"),
        ("first batch, mid-epoch, s", lambda cost: f"{cost.middle:.1f}"),
        ("loader, crops a second", lambda cost: f"{cost.rate.wall:.0f}"),
        ("  of its processor", lambda cost: f"{cost.rate.processor:.0f}"),
        ("training, pictures a second", lambda _: f"{training.wall:.0f}"),
        ("  of its processor", lambda _: f"{training.processor:.0f}"),
        ("loader / training", lambda cost: f"{cost.rate.wall / training.wall:.1f}"),
        ("  of their processors", lambda c: f"{c.rate.processor / training.processor:.1f}"),
    ]
    for name, figure in rows:
        print(f"{name:28}" + "".join(f"{figure(cost):>12}" for cost in costs))


if __name__ == "__main__":
    main()
