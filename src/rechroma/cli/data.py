"""`rechroma data`: data sets from images on the web or in a folder."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.error_reporting import debug_option, overwrite_option
from rechroma.cli.options import json_option, path_option
from rechroma.cli.preflight import check_no_inputs, check_targets, require_extra
from rechroma.cli.progress import progress_bar, write_jpeg
from rechroma.cli.terminal import echo_err, printable
from rechroma.errors import DataError, FetchError, OptionError, SourceError
from rechroma.fs import file_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rechroma.datasets.build.download import DownloadStats
    from rechroma.datasets.build.inspect import Inspection

_SHEET_IMAGES = 60
_MAX_REASONS = 8  # in the output; failed.csv lists all
_JOBS = click.option(
    "--jobs", type=click.IntRange(min=1), help="Number of images processed at the same time."
)
_PATH = click.Path(path_type=Path)


@click.group("data")
@debug_option
def data_group() -> None:
    """Create training data: fetch, pack and inspect images."""


@data_group.command("pack")
@click.argument("folder", type=_PATH, metavar="FOLDER")
@click.option(
    "-o", "--out", type=_PATH, required=True, help="Folder for the shards; it must not exist yet."
)
@click.option("--size", default=256, show_default=True, help="Short side of the packed images.")
@click.option("--min-side", default=128, show_default=True, help="Drop images with a shorter side.")
@click.option(
    "--shard-size", default=5000, show_default=True, help="Maximum number of images per shard."
)
@path_option("--labels", default=None, help="CSV file with the columns path and label.")
@click.option("--no-labels", is_flag=True, help="Do not use subfolders as classes.")
@click.option(
    "--val-share", default=0.1, show_default=True, help="Share set aside for validation, 0 to 1."
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["webp", "jpg"]),
    default="webp",
    show_default=True,
    help="Format of the packed images.",
)
@click.option(
    "--quality", default=90, show_default=True, help="Quality of the packed images, 1 to 100."
)
@click.option("--license", default="unknown", help="License of images without one of their own.")
@click.option("--source", default="", help="Name of the source.  [default: FOLDER's]")
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
    """Pack a folder of images into shards.

    \b
      rechroma data pack images/ -o shards/ --license CC0-1.0
      rechroma train recipes/coarse-to-fine.toml -o checkpoints/mine \\
        --set 'data.train=shards/train-*.tar' --set 'data.val=shards/val-*.tar' \\
        --encoder-weights default

    Gray, toned, small, damaged and duplicate images are dropped; dropped.csv lists them with the
    reason. If all images are in subfolders, the subfolders are the classes.
    """
    from rechroma.datasets.build.pack import PackConfig, pack
    from rechroma.datasets.build.preprocess import ImageFormat

    form = ImageFormat(size=size, min_side=min_side, format=file_format, quality=quality)
    config = PackConfig(form, shard_size, val_share, source or folder.resolve().name, license)
    if labels is not None and no_labels:
        raise OptionError("--labels and --no-labels cannot be used together")
    with progress_bar(None, quiet=as_json, doing="Packing") as advance:
        manifest = pack(
            folder,
            out,
            config,
            labels=labels,
            labeled=not no_labels,
            jobs=jobs,
            on_image=advance,
        )
    _print(as_json, manifest, _format_manifest(manifest, out))


@data_group.command("fetch")
@click.argument("table", type=_PATH, metavar="LIST.csv")
@click.option("-o", "--out", type=_PATH, required=True, help="Folder for the images.")
@click.option(
    "--per-host", default=2.0, show_default=True, help="Maximum requests per second and host."
)
@click.option("--limit", type=click.IntRange(min=1), help="Use only this many entries of the list.")
@click.option(
    "--licenses", default="", metavar="NAMES", help="Only these licenses, such as cc0,cc-by."
)
@click.option(
    "--max-bytes", default=32 << 20, show_default=True, help="Maximum size of an image in bytes."
)
@click.option("--timeout", default=60.0, show_default=True, help="Timeout of a request in seconds.")
@click.option("--retries", default=3, show_default=True, help="Retries after a temporary failure.")
@click.option("--contact", default="", metavar="MAIL", help="Contact address sent to the hosts.")
@click.option("--allow-private", is_flag=True, hidden=True, help="Fetch from private addresses.")
@json_option("Print the statistics as JSON.")
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
    """Download a list of images.

    \b
      rechroma data fetch list.csv -o images/ --licenses cc0,cc-by --contact you@example.org

    The list is a CSV or Parquet file with the columns url, license and author. Requests are rate
    limited per host and respect its robots.txt. Run the same command again to continue after an
    interruption. attribution.csv lists authors and licenses, failed.csv the failed downloads.
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
    fields = asdict(stats) | {"failed": dict(stats.failed.most_common())}
    _print(as_json, fields, _format_stats(stats))
    if not stats.fetched + stats.present:
        raise FetchError(
            "no image could be downloaded", hint=f"{out / 'failed.csv'} lists the reasons."
        )


@data_group.command("inspect")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@path_option("--sheet", default=None, help="Write a contact sheet.")
@overwrite_option("Replace an existing contact sheet.")
@_JOBS
@json_option("Print all statistics as JSON.")
@debug_option
@click.pass_context
def inspect_command(
    ctx: click.Context,
    shards: tuple[str, ...],
    sheet: Path | None,
    overwrite: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Inspect shards: counts, sizes, colors and damage.

    \b
      rechroma data inspect shards/ --sheet shards.jpg

    Damaged entries are listed on stderr and make the exit code 65.
    """
    check_targets(sheet, overwrite=overwrite)
    check_no_inputs([sheet], map(Path, shards))
    from rechroma.datasets.build.inspect import inspect, sample_sheet

    with progress_bar(None, quiet=as_json, doing="Inspecting") as advance:
        found = inspect(shards, jobs=jobs, on_image=advance)
    _print(as_json, asdict(found), _format_inspection(found))
    if sheet is not None:
        write_jpeg(sample_sheet(shards, _SHEET_IMAGES), sheet, overwrite=overwrite)
    for damage in found.damaged:
        echo_err(f"rechroma: error: {damage}")
    if found.damaged:
        ctx.exit(DataError.exit_code)


@data_group.command("features")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@click.option("--encoder", default="efficientnet-lite2", show_default=True, help="Frozen encoder.")
@click.option(
    "--weights", type=_PATH, required=True, help="Its weights (safetensors), or an ONNX file of it."
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
      rechroma data features shards/ --weights efficientnet-lite2.safetensors -o features/

    docs/datasets.md shows how to get these weights.

    A view of 256 pixels takes about 0.2 MB. The same command continues after an interruption, and
    adds shards to a store when it names more of them.
    """
    from rechroma.datasets import FeatureConfig, build_features

    config = FeatureConfig(crop_size=size, views=views, degrade_prob=degrade_prob, seed=seed)
    with (
        encoder_onnx(encoder, weights, size) as (model, digest),
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
def encoder_onnx(encoder: str, weights: Path, size: int) -> Iterator[tuple[Path, str]]:
    """Provide an encoder as an ONNX file, and the SHA-256 of its weights.

    Weights that are not an ONNX file already are exported to a temporary one.

    Raises:
        SourceError: The weights are missing or cannot be read.
        CheckpointError: They do not fit the encoder.
        MissingExtraError: The export needs PyTorch, which is not installed.
    """
    try:
        digest = file_sha256(weights)
    except OSError as error:
        raise SourceError(
            f"{weights}: cannot be read: {error.strerror}",
            hint="Name the encoder's weights (safetensors) or an ONNX file of it.",
        ) from error
    if weights.suffix == ".onnx":
        yield weights, digest
        return
    require_extra("train", "torch")
    from rechroma.export import export_features

    with TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        export_features(encoder, weights, path, size)
        yield path, digest


def _print(as_json: bool, fields: dict[str, Any], lines: Iterator[str]) -> None:
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    for line in lines:
        click.echo(printable(line))


def _format_manifest(manifest: dict[str, Any], out: Path) -> Iterator[str]:
    images, classes = manifest["images"], manifest["classes"]
    yield (
        f"{out}: {images['kept']} of {images['found']} images in "
        f"{len(manifest['shards'])} shards; {images['train']} for training, "
        f"{images['val']} for validation"
    )
    if manifest["dropped"]:
        yield f"dropped: {_format_counts(manifest['dropped'])}"
    if classes:
        yield f"{len(classes)} classes"
    if untaught := [entry["name"] for entry in classes if not entry["train"]]:
        yield f"without training images: {', '.join(untaught)}"


def _format_stats(stats: DownloadStats) -> Iterator[str]:
    yield (
        f"{stats.fetched} fetched, {stats.present} already present, "
        f"{stats.failed.total()} failed, {stats.unwanted} under other licenses"
    )
    for reason, count in stats.failed.most_common(_MAX_REASONS):
        yield f"  {count} x {reason}"


def _format_inspection(found: Inspection) -> Iterator[str]:
    yield f"{found.images} images in {found.shards} shards, {len(found.damaged)} damaged"
    if not found.images:
        return
    yield f"splits: {_format_counts(found.splits)}"
    yield f"classes: {len(found.classes)}; without a class: {found.unlabeled} images"
    if found.singletons:
        yield f"classes with one image: {', '.join(map(str, found.singletons))}"
    yield f"sources: {_format_counts(found.sources)}"
    yield f"licenses: {_format_counts(found.licenses)}"
    yield f"gray: {found.gray}; toned: {found.toned}"
    for name in ("short_side", "long_side", "colorfulness"):
        levels = "  ".join(f"{level:g}" for level in getattr(found, name).values())
        yield f"{name} at 0, 5, 25, 50, 75, 95, 100 %: {levels}"


def _format_counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:g} {name}" for name, count in counts.items())
