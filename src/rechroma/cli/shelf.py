"""`rechroma models add`, `get` and `remove`: the user's shelf of color models."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import import_onnx_file
from rechroma.cli.models import import_command
from rechroma.cli.options import contract_option, weights_option
from rechroma.cli.preflight import require_extra
from rechroma.errors import FetchError, ModelNotFoundError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.export import WeightType

_DOWNLOADS = ".downloads"  # in the folder of the shelf
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def _parse_hash(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _HASH.fullmatch(value):
        raise click.BadParameter("a SHA-256 has 64 hexadecimal digits.")
    return value and value.lower()


_hash_option = click.option(
    "--sha256", metavar="HEX", callback=_parse_hash, help="Reject a file with another SHA-256."
)


@click.command("add")
@click.argument("source", metavar="FILE|URL")
@click.option("--as", "name", metavar="NAME", help="Its name on the shelf.  [default: the card's]")
@_hash_option
@contract_option
@debug_option
def add_command(source: str, name: str | None, sha256: str | None, contract: str | None) -> None:
    """Put a color model file on your shelf.

    \b
      rechroma models add mine.onnx --as portraits
      rechroma models add hf://OWNER/NAME/FILE.onnx --sha256 HEX
      rechroma models add ddcolor_artistic.onnx
      rechroma photo.jpg --model portraits

    ONNX files of DDColor and DeOldify from other programs are converted as by 'rechroma models
    import', and get the names of their files. An https or hf address is downloaded; an interrupted
    download continues when the command is repeated. To add a published checkpoint, use 'rechroma
    models get' or 'import'.
    """
    from rechroma.models import shelf_folder, shelf_path
    from rechroma.models.download import download

    if name is not None:
        shelf_path(name)
    if "://" not in source:
        path = _put_on_shelf(Path(source), name, contract, sha256)
    else:
        folder = shelf_folder() / _DOWNLOADS
        with (
            _download_bar(source, None) as on_progress,
            download(source, folder, sha256=sha256, on_progress=on_progress) as (file, found),
        ):
            path = _put_on_shelf(file, name, contract)
        if sha256 is None:
            click.echo(f"SHA-256 (not verified): {found}")
    click.echo(f"{path.stem} is on the shelf: {path}")


def _put_on_shelf(
    file: Path, name: str | None, contract: str | None, sha256: str | None = None
) -> Path:
    """Add a color model file, or an ONNX file of another program, and return the new file."""
    from rechroma.models import add_to_shelf, check_sha256, lacks_card, shelf_path

    if contract is None and not lacks_card(file):
        return add_to_shelf(file, name, sha256=sha256)
    target = shelf_path(file.stem, "the name of the file") if name is None else shelf_path(name)
    check_sha256(file, sha256)
    import_onnx_file(file, target, contract, {"name": target.stem}, overwrite=False)
    return target


@click.command("get")
@click.argument("name", metavar="NAME")
@_hash_option
@weights_option("float32")
@debug_option
@click.pass_context
def get_command(ctx: click.Context, name: str, sha256: str | None, weights: WeightType) -> None:
    """Download a published model from its authors, and put it on your shelf.

    \b
      rechroma models list --published
      rechroma models get ddcolor-tiny
      rechroma photo.jpg --model ddcolor-tiny

    The file is compared with the SHA-256 of the index that is part of Rechroma, and converted as by
    'rechroma models import'. An interrupted download continues when the command is repeated.
    Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Respect the license of the weights.
    """
    from rechroma.models import published_models, shelf_folder, shelf_path
    from rechroma.models.download import download, resolve_address

    index = published_models()
    if name not in index:
        raise ModelNotFoundError(
            f"the index has no model {name!r}", hint=did_you_mean(name, list(index))
        )
    entry, target = index[name], shelf_path(name)
    require_extra("train", "torch")  # before the download
    expected = sha256 or entry.sha256
    url, _ = resolve_address(entry.url)
    click.echo(f"{url}: {entry.license}; SHA-256 from {entry.sha256_from}", err=True)
    folder = shelf_folder() / _DOWNLOADS
    try:
        with (
            _download_bar(name, entry.size) as on_progress,
            download(
                entry.url,
                folder,
                sha256=expected,
                size=None if sha256 else entry.size,
                on_progress=on_progress,
            ) as (file, found),
        ):
            if expected is None:
                click.echo(f"SHA-256 (the index has none): {found}")
            ctx.invoke(
                import_command,
                source=file,
                name=entry.architecture,
                out=target,
                weights=weights,
            )
    except FetchError as error:
        by_hand = f"rechroma models import FILE --as {entry.architecture} -o {quote(str(target))}"
        advice = error.hint or "Try again."
        hint = f"{advice} Or download {url} in another way, and run: {by_hand}"
        raise FetchError(error.message, hint=hint) from error
    click.echo(f"{name} is on the shelf: rechroma photo.jpg --model {name}")


@click.command("remove")
@click.argument("name", metavar="NAME")
@debug_option
def remove_command(name: str) -> None:
    """Delete a model from your shelf."""
    from rechroma.models import remove_from_shelf

    click.echo(f"removed {remove_from_shelf(name)}")


@contextmanager
def _download_bar(label: str, size: int | None) -> Iterator[Callable[[int, int | None], object]]:
    """Show a bar of bytes on stderr if that is a terminal; yields a function to update it."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
    bar = progress.add_task(label, total=size)
    try:
        progress.start()
        yield lambda done, total: progress.update(bar, completed=done, total=total or size)
    finally:
        with suppress(OSError):  # the terminal may have been closed
            progress.stop()
