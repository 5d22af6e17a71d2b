"""`rechroma colorize`: files, folders, patterns or a pipe of photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.inputs import Plan, make_plan
from rechroma.cli.options import colorize_options, json_option, model_options
from rechroma.cli.request import Request
from rechroma.cli.run import Work
from rechroma.cli.signals import exit_code_of
from rechroma.cli.stdio import colorize_stream
from rechroma.cli.summary import Account, Status
from rechroma.cli.terminal import say
from rechroma.errors import OptionError
from rechroma.options import MAX_PIXELS, OPTIONS

if TYPE_CHECKING:
    from rechroma.hints import Hint


def _known_format(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """Pillow's name of a format that was called by its name or its suffix, in any case."""
    if name is None:
        return None
    from rechroma.imaging import parse_format

    return parse_format(name)


def _read_hints(
    _ctx: click.Context, _option: click.Parameter, path: str | None
) -> tuple[Hint, ...]:
    """The hints of the file; none where no file was named."""
    if path is None:
        return ()
    from rechroma.hints import read_hints

    return read_hints(path)


@click.command("colorize", short_help="Color photographs: files, folders, patterns, a pipe.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="A folder for the results, or one file if the name has a suffix. Without it, photo.jpg "
    "becomes photo.color.jpg beside the original.",
)
@click.option("--overwrite", is_flag=True, help="Color again what is already there.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures at a time.  [default: by the number of processor cores]",
)
@click.option(
    "--format",
    "file_format",
    metavar="NAME",
    callback=_known_format,
    help="Such as jpeg, png or tiff.  [default: the original's]",
)
@colorize_options
@click.option(
    "--hints",
    metavar="FILE.json",
    callback=_read_hints,
    help="Colors that you fix at places of one picture.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse larger pictures.",
)
@click.option(
    "--no-provenance", is_flag=True, help="Add no metadata that declares the colors as AI-made."
)
@click.option("--badge", is_flag=True, help=OPTIONS["badge"].text)
@json_option("Print one line of JSON per picture on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@model_options
@debug_option
@click.pass_context
def colorize_command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401
    """Color photographs: files, whole folders, patterns, or '-' for a pipe.

    \b
      rechroma colorize photo.jpg
      rechroma colorize scans/ -o colored/
      rechroma colorize "box 1/**/*.tif" --saturation 1.2
      rechroma colorize - < photo.jpg > colored.jpg

    The result has the original's size, format, depth and metadata. A picture whose result is
    already there is skipped, so a long run that was stopped goes on where it was when the same
    command is given again. One bad file never stops the rest.
    """
    request = Request(**options)
    if request.is_stream:
        colorize_stream(request)
    else:
        ctx.exit(_color_files(request))


def _color_files(request: Request) -> int:
    """Color what the paths name; gives the exit code."""
    plan = make_plan(request.paths, request.out, request.file_format)
    pictures = len(plan.tasks) + len(plan.missing)
    if plan.tasks:
        _check_options(request, pictures)
    account = Account(as_json=request.as_json)
    work = Work(plan, request, account)
    try:
        work.do()
    except KeyboardInterrupt as stop:
        work.add_finished()
        account.print_failures()
        say(f"rechroma: {_words_for_stop(plan, request, account)}")
        return exit_code_of(stop)
    if account.failures and pictures == 1:
        ((_, error),) = account.failures
        raise error
    account.print_failures()
    if not request.quiet:
        account.print_partial()
        say(f"rechroma: {account}")
    return 1 if account.failures else 0


def _check_options(request: Request, pictures: int) -> None:
    """Refuse what is out of range even where nothing is left to do, without loading the model."""
    from rechroma.colorizer import check_file_options
    from rechroma.models import find_model

    if request.hints and pictures > 1:
        raise OptionError(f"--hints are for one picture, but there are {pictures}")
    check_file_options(request.file_options())
    find_model(request.model)


def _words_for_stop(plan: Plan, request: Request, account: Account) -> str:
    done = account.counts[Status.DONE] + account.counts[Status.SKIPPED]
    words = f"stopped; {done} of {len(plan.tasks)} are done"
    return words if request.overwrite else f"{words}, and the same command goes on from there"
