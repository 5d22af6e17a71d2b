"""`rechroma colorize`: files, folders, patterns or a pipe."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rechroma.cli.batch_plan import STDIO, BatchPlan, plan_batch
from rechroma.cli.batch_run import (
    TRUNCATED_CODE,
    BatchRun,
    BatchSummary,
    Status,
    print_warnings,
)
from rechroma.cli.error_reporting import debug_option, overwrite_option
from rechroma.cli.options import CliRequest, colorize_options, json_option, model_options
from rechroma.cli.pipe import (
    check_names_file,
    check_stdout,
    read_stdin,
    the_image,
    write_stdout,
)
from rechroma.cli.signals import exit_code_of
from rechroma.cli.terminal import echo_err
from rechroma.errors import OptionError
from rechroma.options import MAX_PIXELS, OPTIONS, Adjustments

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rechroma.engines import Engine
    from rechroma.hints import Hint
    from rechroma.project import ImageEdit


_PROJECT = "rechroma.project"  # key of the project's path in the metadata of the command
_IN_PROJECT = ("hints", *(each.name for each in fields(Adjustments)))


def _parse_format(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is None:
        return None
    from rechroma.imaging import parse_format

    return parse_format(name)


def _read_hints(
    _ctx: click.Context, _option: click.Parameter, path: str | None
) -> tuple[Hint, ...]:
    if path is None:
        return ()
    from rechroma.hints import read_hints

    return read_hints(path)


def _read_project(
    ctx: click.Context, _option: click.Parameter, path: str | None
) -> tuple[ImageEdit, ...]:
    if path is None:
        return ()
    from rechroma.project import read_project

    ctx.meta[_PROJECT] = path
    return read_project(path)


@click.command("colorize", short_help="Color photographs: files, folders, patterns, a pipe.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o",
    "--out",
    metavar="OUT",
    help="Output folder, or output file if the name has a suffix. Without it, the result of "
    "photo.jpg is photo.color.jpg in the same folder.",
)
@overwrite_option(
    "Color again and replace existing results.",
    "Choose another file or folder with -o. --overwrite replaces what is there, but never an "
    "original.",
)
@click.option(
    "--keep-time", is_flag=True, help="Give results the modification times of their photographs."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of photographs colored at the same time.  [default: one per CPU core, at most 8]",
)
@click.option(
    "--format",
    "file_format",
    metavar="NAME",
    callback=_parse_format,
    help="Output format, such as jpeg, png or tiff.  [default: the original's]",
)
@colorize_options
@click.option(
    "--hints",
    metavar="FILE.json",
    callback=_read_hints,
    help="Colors that you fix at points of one photograph.",
)
@click.option(
    "--project",
    metavar="FILE.json",
    callback=_read_project,
    help="Model, adjustments and corrections of each photograph, as saved by the page.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=True,
    help="Largest photograph to accept.",
)
@click.option(
    "--no-provenance", is_flag=True, help="Omit the metadata that declares the colors as AI-made."
)
@click.option("--badge", is_flag=True, help=OPTIONS["badge"].text)
@click.option("--keep-luma", is_flag=True, help=OPTIONS["keep_luma"].text)
@click.option("--strict", is_flag=True, help=OPTIONS["strict"].text)
@click.option("--pages", metavar="RANGE", help=OPTIONS["pages"].text + "  [default: the first]")
@json_option("Print one line of JSON per photograph on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
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

    The result has the original's size, format, bit depth and metadata. Photographs that already
    have a result are skipped, so the same command continues a run that was stopped. A bad file
    does not stop the others.
    """
    request = CliRequest(**options)
    _check_project(ctx, request)
    if request.is_stream:
        ctx.exit(colorize_stream(request))
    else:
        ctx.exit(_color_files(request))


def _check_project(ctx: click.Context, request: CliRequest) -> None:
    """Check that a project is not combined with options that it replaces."""
    if _PROJECT not in ctx.meta:
        return
    if request.is_stream:
        raise OptionError("--project cannot be used with a pipe")
    for name in _IN_PROJECT:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise OptionError(
                f"--{name} cannot be combined with --project",
                hint="The project has the adjustments and hints of each photograph.",
            )


def _color_files(request: CliRequest) -> int:
    """Color files; returns the exit code."""
    plan = plan_batch(request.paths, request.out, request.file_format, recolor=request.overwrite)
    loading = _begin_loading(request) if _is_single(plan, request) else None
    images = len(plan.tasks) + len(plan.missing)
    if plan.tasks:  # check all options, even if there is nothing left to color
        from rechroma.colorizer import check_file_options

        if request.hints and images > 1:
            raise OptionError(f"--hints applies to a single photograph, but {images} were given")
        check_file_options(request.file_options())
    edits = _assign_project(request, plan)
    summary = BatchSummary(as_json=request.as_json, left=plan.left)
    run = BatchRun(plan, request, summary, edits, loading)
    try:
        run.execute()
    except KeyboardInterrupt as stop:
        run.add_finished()
        summary.print_failures()
        done = summary.counts[Status.DONE] + summary.counts[Status.SKIPPED] - len(plan.results)
        again = "" if request.overwrite else "; run the same command again to continue"
        echo_err(f"rechroma: stopped; {done} of {len(plan.tasks)} done{again}")
        return exit_code_of(stop)
    if summary.failures and images == 1:
        ((_, error),) = summary.failures
        summary.print_left(quiet=request.quiet)
        raise error
    summary.print_failures()
    if not request.quiet:
        for path in plan.results:
            echo_err(f"rechroma: {path} is a result already, skipped (use --overwrite or -o OUT)")
        summary.print_warnings(first_only=request.pages is None)
        if images:
            echo_err(f"rechroma: {summary}")
    summary.print_left(quiet=request.quiet)
    return 1 if summary.failures else summary.truncated and TRUNCATED_CODE


def _is_single(plan: BatchPlan, request: CliRequest) -> bool:
    """Return whether a plan is to color a single image, with the model of the request."""
    if len(plan.tasks) != 1 or request.project:
        return False
    return request.overwrite or not os.path.lexists(plan.tasks[0].target)


def _begin_loading(request: CliRequest) -> Future[Engine]:
    """Load the model in a thread, while this one imports what reads and writes photographs.

    ONNX Runtime loads it without the GIL.
    """
    from rechroma.engines import OnnxEngine
    from rechroma.models import find_model

    pool = ThreadPoolExecutor(1)
    loading: Future[Engine] = pool.submit(
        lambda: OnnxEngine(find_model(request.model), request.provider)
    )
    pool.shutdown(wait=False)
    return loading


def _assign_project(request: CliRequest, plan: BatchPlan) -> dict[Path, ImageEdit]:
    """Give each image its edit in the project, and check all of them before one is colored."""
    if not request.project:
        return {}
    from rechroma.engines import check_hints_supported
    from rechroma.models import find_model, read_card
    from rechroma.project import assign_edits

    edits = assign_edits(request.project, [task.source for task in plan.tasks])
    for edit in edits.values():
        card = read_card(find_model(edit.model or request.model))
        check_hints_supported(card, edit.hints or None)
    return edits


def colorize_stream(request: CliRequest) -> int:
    """Color one image from stdin or to stdout; returns the exit code."""
    path = the_image(request.paths)
    if request.as_json:
        raise OptionError("--json cannot be used with a pipe")
    if request.target is None:
        check_stdout()
    wanted = _check_target(request)
    loading = _begin_loading(request)
    from rechroma.colorizer import Colorizer
    from rechroma.fs import write_atomically

    name = "stdin" if path == STDIO else path
    source = read_stdin() if path == STDIO else Path(path)
    options = request.encode_options() | {"format": wanted}
    colorizer = Colorizer(engine=loading.result())
    result = colorizer.colorize_bytes(source, name=name, **options)
    if request.target is None:
        write_stdout(result.content)
    else:
        write_atomically(request.target, result.content, overwrite=request.overwrite)
    if not request.quiet:
        print_warnings(name, result, first_only=request.pages is None)
    return TRUNCATED_CODE if result.damage == "truncated" else 0


def _check_target(request: CliRequest) -> str | None:
    """Check the target before the image is read; returns the format to write."""
    if request.target is None:
        return request.file_format
    from rechroma.fs import check_target
    from rechroma.imaging import resolve_format

    check_names_file(request.out)
    check_target(request.target, overwrite=request.overwrite)
    return resolve_format(request.target, request.file_format)
