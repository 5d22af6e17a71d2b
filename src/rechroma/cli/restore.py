"""`rechroma restore`: the gray JPEG in a result of `--keep-luma`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option, overwrite_option
from rechroma.cli.options import path_option
from rechroma.cli.terminal import echo_err

if TYPE_CHECKING:
    from pathlib import Path

INEXACT_CODE = 3
"""Exit code if the restored file is not the original, byte for byte."""


@click.command("restore", short_help="Take the color away from a result of --keep-luma.")
@click.argument("file", metavar="FILE")
@path_option(
    "-o",
    "--out",
    default=None,
    help="The file to write.  [default: photo.gray.jpg for photo.color.jpg]",
)
@overwrite_option("Replace an existing file.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@debug_option
@click.pass_context
def restore_command(
    ctx: click.Context, file: str, out: Path | None, *, overwrite: bool, quiet: bool
) -> None:
    """Take the color away from a result of --keep-luma: your gray file is back.

    \b
      rechroma photo.jpg --keep-luma
      rechroma restore photo.color.jpg

    The restored file is the original, byte for byte, which its SHA-256 proves. If another program
    has removed what Rechroma recorded of the original, the restored file has the same luma and the
    metadata of the colored file, with a warning and exit code 3.
    """
    from rechroma.restore import restore_file

    restored = restore_file(file, out, overwrite=overwrite)
    if not quiet:
        echo_err(f"rechroma: {restored.source} -> {restored.target}")
        if not restored.exact:
            echo_err(
                f"rechroma: warning: {restored.target}: has the luma of the original, but the "
                "metadata of the colored file: another program has removed or changed what was "
                "recorded of the original"
            )
    ctx.exit(0 if restored.exact else INEXACT_CODE)
