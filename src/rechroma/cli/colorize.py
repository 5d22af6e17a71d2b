"""`rechroma colorize`: files, folders, patterns or a pipe of photographs."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.batch import Account, Outcome, Status, progress_bar
from rechroma.cli.failures import INTERRUPTED, debug_option
from rechroma.cli.options import json_option, model_options
from rechroma.cli.sources import STDIO, Plan, Task, make_plan
from rechroma.errors import OptionError, TargetExistsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from rechroma.colorizer import Failure, FileOptions, KnobOptions, Result


MAX_PIXELS = 250_000_000  # as in rechroma.imaging, too heavy to import for --help


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for; the fields are the options of :data:`colorize_command`."""

    paths: tuple[str, ...]
    out: str | None
    overwrite: bool
    jobs: int | None
    file_format: str | None
    quality: int
    saturation: float
    warmth: float
    strength: float
    size: int | None
    max_pixels: int
    no_label: bool
    as_json: bool
    quiet: bool
    model: str
    provider: str

    @property
    def is_stream(self) -> bool:
        """Whether a pipe takes part."""
        return STDIO in self.paths or self.out == STDIO

    def knobs(self) -> KnobOptions:
        """What turns the colours."""
        return {
            "saturation": self.saturation,
            "warmth": self.warmth,
            "strength": self.strength,
            "size": self.size,
        }

    def file_options(self) -> FileOptions:
        """What :meth:`rechroma.Colorizer.colorize_file` has to know."""
        return {
            **self.knobs(),
            "overwrite": self.overwrite,
            "format": self.file_format,
            "quality": self.quality,
            "label": not self.no_label,
            "max_pixels": self.max_pixels,
        }


def _known_format(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """Pillow's name of a format that was called by its name or its suffix, in any case."""
    if name is None:
        return None
    from rechroma.imaging import SUFFIXES, result_format

    written = {suffix[1:]: kind for suffix, kind in SUFFIXES.items() if result_format(kind) == kind}
    kind = written.get(name.lower().lstrip("."))
    if kind is None:
        raise OptionError(
            f"results are not written as '{name}'", hint=f"Choose one of {', '.join(written)}."
        )
    return kind


@click.command("colorize", short_help="Colour photographs: files, folders, patterns, a pipe.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="A folder for the results, or one file. Without it, photo.jpg becomes photo.color.jpg "
    "beside the original.",
)
@click.option("--overwrite", is_flag=True, help="Colour again what is already there.")
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
@click.option(
    "--quality", type=click.IntRange(1, 100), default=92, show_default=True, help="Of JPEG, WebP."
)
@click.option(
    "--saturation", type=float, default=1.0, show_default=True, help="0 (grey) to 3 (vivid)."
)
@click.option(
    "--warmth", type=float, default=0.0, show_default=True, help="-1 (cooler) to 1 (warmer)."
)
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="0 to 1: how much of the colour."
)
@click.option(
    "--size",
    type=int,
    metavar="PIXELS",
    help="Long side that the network sees.  [default: the model's own]",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse larger pictures.",
)
@click.option("--no-label", is_flag=True, help="Leave out the note that a model made the colours.")
@json_option("Print one line of JSON per picture on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@model_options
@debug_option
@click.pass_context
def colorize_command(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401
    """Colour photographs: files, whole folders, patterns, or '-' for a pipe.

    \b
      rechroma colorize photo.jpg
      rechroma colorize scans/ -o coloured/
      rechroma colorize "box 1/**/*.tif" --saturation 1.2
      rechroma colorize - < photo.jpg > coloured.jpg

    The result has the original's size, format, depth and metadata. A picture whose result is
    already there is skipped, so a long run that was stopped goes on where it was when the same
    command is given again. One bad file never stops the rest.
    """
    request = Request(**options)
    if request.is_stream:
        _colour_stream(request)
    else:
        ctx.exit(_colour_files(request))


def _colour_files(request: Request) -> int:
    """Colour what the paths name; gives the exit code."""
    plan = make_plan(request.paths, request.out, request.file_format)
    account = Account(as_json=request.as_json)
    try:
        _work_through(plan, request, account)
    except KeyboardInterrupt:
        account.print_failures()
        click.echo(f"rechroma: {_words_for_stop(plan, request, account)}", err=True)
        return INTERRUPTED
    if account.failures and len(plan.tasks) + len(plan.missing) == 1:
        raise account.failures[0]
    account.print_failures()
    if not request.quiet:
        click.echo(f"rechroma: {account}", err=True)
    return 1 if account.failures else 0


def _words_for_stop(plan: Plan, request: Request, account: Account) -> str:
    done = account.counts[Status.DONE] + account.counts[Status.SKIPPED]
    words = f"stopped; {done} of {len(plan.tasks)} are done"
    return words if request.overwrite else f"{words}, and the same command goes on from there"


def _work_through(plan: Plan, request: Request, account: Account) -> None:
    for missing in plan.missing:
        account.add(Outcome(missing.name, None, Status.FAILED, missing.error))
    tasks = []
    for task in plan.tasks:
        if _is_there(task.target) and not request.overwrite:
            account.add(Outcome(str(task.source), str(task.target), Status.SKIPPED))
        else:
            tasks.append(task)
    with (
        progress_bar(len(tasks), quiet=request.quiet) as advance,
        closing(_colour_tasks(tasks, request)) as results,
    ):
        for result in results:
            account.add(_outcome(result, request))
            advance()


def _colour_tasks(tasks: list[Task], request: Request) -> Generator[Result | Failure]:
    if not tasks:
        return  # repeating a finished run need not load the model
    from rechroma.colorizer import Colorizer

    colorizer = Colorizer(request.model, provider=request.provider)
    pairs = [(task.source, task.target) for task in tasks]
    yield from colorizer.colorize_many(pairs, jobs=request.jobs, **request.file_options())


def _outcome(result: Result | Failure, request: Request) -> Outcome:
    from rechroma.colorizer import Failure

    names = (str(result.source), str(result.target))
    if not isinstance(result, Failure):
        return Outcome(
            *names, Status.DONE, None, result.seconds, width=result.width, height=result.height
        )
    if isinstance(result.error, TargetExistsError) and not request.overwrite:
        # Another run of the same command was faster.
        return Outcome(*names, Status.SKIPPED)
    return Outcome(*names, Status.FAILED, result.error)


def _is_there(target: Path) -> bool:
    try:
        return target.exists()
    except OSError:
        return False  # such as a name too long to exist; writing it will say so


def _check_stream(request: Request) -> None:
    if len(request.paths) > 1:
        raise OptionError("a pipe takes one picture at a time", hint="Name files without '-'.")
    if request.as_json:
        raise OptionError("--json tells about files, not about a pipe")
    if request.out in (None, STDIO) and sys.stdout.isatty():
        raise OptionError(
            "a picture would go to the terminal", hint="Name a file with -o, or use a pipe: > FILE"
        )


def _colour_stream(request: Request) -> None:
    """Colour one picture that comes or goes through a pipe."""
    _check_stream(request)
    from rechroma.colorizer import Colorizer
    from rechroma.imaging import SUFFIXES, encode_photo, read_photo, write_atomically

    (path,) = request.paths
    name = "stdin" if path == STDIO else path
    source = sys.stdin.buffer.read() if path == STDIO else Path(path)
    photo = read_photo(source, max_pixels=request.max_pixels, name=name)
    colorizer = Colorizer(request.model, provider=request.provider)
    picture = encode_photo(
        colorizer.colorize(photo.grey, **request.knobs()),
        photo,
        format=request.file_format or SUFFIXES.get(Path(request.out or "").suffix.lower()),
        quality=request.quality,
        label=not request.no_label,
    )
    if request.out in (None, STDIO):
        sys.stdout.buffer.write(picture)
    else:
        write_atomically(Path(request.out), picture, overwrite=request.overwrite)
