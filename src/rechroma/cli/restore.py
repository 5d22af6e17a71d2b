"""`rechroma restore`: the gray JPEGs in results of `--keep-luma`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.batch_plan import STDIO, is_folder
from rechroma.cli.error_reporting import debug_option, overwrite_option, print_error
from rechroma.cli.pipe import (
    check_names_file,
    check_stdout,
    read_stdin,
    the_image,
    write_stdout,
)
from rechroma.cli.terminal import echo_err
from rechroma.errors import OptionError, RechromaError, error_context

if TYPE_CHECKING:
    from collections.abc import Sequence

INEXACT_CODE = 3
"""Exit code if nothing proves that a restored file is the original."""


@click.command("restore", short_help="Take the color away from results of --keep-luma.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="Output folder, or output file if the name has a suffix. Without it, photo.color.jpg "
    "becomes photo.gray.jpg in the same folder.",
)
@overwrite_option("Replace existing files.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@debug_option
@click.pass_context
def restore_command(
    ctx: click.Context, files: tuple[str, ...], out: str | None, *, overwrite: bool, quiet: bool
) -> None:
    """Take the color away from results of --keep-luma: your gray files are back.

    \b
      rechroma photo.jpg --keep-luma
      rechroma restore photo.color.jpg
      rechroma restore *.color.jpg -o originals/
      rechroma restore - < photo.color.jpg > photo.jpg

    A restored file is the original, byte for byte, which its SHA-256 proves. A damaged result is an
    error, and does not stop the others. If another program has removed what Rechroma recorded of
    the original, nothing proves that the luma is still the original's: the restored file has the
    luma and the metadata of the colored one, with a warning and exit code 3.
    """
    if STDIO in files or out == STDIO:
        ctx.exit(_restore_stream(the_image(files), out, overwrite=overwrite, quiet=quiet))
    ctx.exit(_restore_files(_plan(files, out), overwrite=overwrite, quiet=quiet))


def _plan(files: Sequence[str], out: str | None) -> dict[Path, Path]:
    """Choose the target of each source.

    Raises:
        OptionError: There is one output file for several sources, two sources would get the same
            target, or a restored file would replace another source.
    """
    from rechroma.fs import make_path_key

    key = make_path_key()
    sources = {key(Path(name)): Path(name) for name in files}
    plan = _choose_targets(list(sources.values()), out)
    taken = dict(sources)
    for source, target in plan.items():
        other = taken.setdefault(key(target), source)
        if other != source:
            raise OptionError(
                f"{target}: the result of {source} would be in the place of {other}, or of its "
                "result",
                hint="Restore them in two runs with different output folders: -o FOLDER",
            )
    return plan


def _choose_targets(sources: Sequence[Path], out: str | None) -> dict[Path, Path]:
    from rechroma.restore import restored_target

    if out is None or is_folder(out) or not Path(out).suffix:
        folder = None if out is None else Path(out)
        return {source: restored_target(source, folder) for source in sources}
    if len(sources) > 1:
        raise OptionError(
            f"{out} is a file, but there are {len(sources)} images",
            hint=f"Give a folder: -o {Path(out).with_suffix('')}/",
        )
    return {source: Path(out) for source in sources}


def _restore_files(plan: dict[Path, Path], *, overwrite: bool, quiet: bool) -> int:
    """Restore files; returns the exit code."""
    from rechroma.restore import restore_file

    failed, exact = False, True
    for source, target in plan.items():
        try:
            restored = restore_file(source, target, overwrite=overwrite)
        except RechromaError as error:
            if len(plan) == 1:
                raise
            print_error(error)
            failed = True
            continue
        exact = exact and restored.exact
        if not quiet:
            echo_err(f"rechroma: {source} -> {target}")
            _warn(source, exact=restored.exact)
    return 1 if failed else _exit_code(exact=exact)


def _restore_stream(path: str, out: str | None, *, overwrite: bool, quiet: bool) -> int:
    """Restore one file from stdin or to stdout; returns the exit code."""
    target = None if out in (None, STDIO) else Path(out)
    if target is None:
        check_stdout()
    from rechroma.fs import check_target, write_atomically
    from rechroma.imaging import read_content, restore_luma

    if target is not None:
        check_names_file(out)
        check_target(target, overwrite=overwrite)
    name = "stdin" if path == STDIO else path
    content = read_stdin() if path == STDIO else read_content(Path(path), path)
    with error_context(name):
        kept = restore_luma(content)
    if target is None:
        write_stdout(kept.content)
    else:
        write_atomically(target, kept.content, overwrite=overwrite)
    if not quiet:
        _warn(name, exact=kept.exact)
    return _exit_code(exact=kept.exact)


def _exit_code(*, exact: bool) -> int:
    return 0 if exact else INEXACT_CODE


def _warn(source: object, *, exact: bool) -> None:
    if not exact:
        echo_err(
            f"rechroma: warning: {source}: another program has removed what was recorded of the "
            "original: the restored file has the luma and the metadata of this file, and nothing "
            "proves that the luma is the original's"
        )
