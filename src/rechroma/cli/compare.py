"""`rechroma compare`, several models on the same photographs, and `rechroma votes`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option, overwrite_option, print_error
from rechroma.cli.model_files import resolve_model
from rechroma.cli.options import json_option, path_option
from rechroma.cli.preflight import check_no_inputs, check_targets, require_extra
from rechroma.cli.progress import progress_bar
from rechroma.errors import (
    ModelNotFoundError,
    OptionError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.datasets import Shards
    from rechroma.evaluation import PhotoFolder, Ranking

_BLIND_PHOTOGRAPHS = 20


@click.command("compare")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.argument("data", metavar="DATA")
@path_option("-o", "--out", default=None, help="Write an HTML page with all metrics and images.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Use only this many photographs, evenly spread.  "
    f"[default: all; {_BLIND_PHOTOGRAPHS} for --blind]",
)
@click.option(
    "--truth", is_flag=True, help="DATA is a folder of color photographs: their colors are true."
)
@click.option(
    "--blind",
    is_flag=True,
    help="Write a page on which people choose between two models without knowing which they are, "
    "and its key.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of the order and the sides on the --blind page.  [default: random]",
)
@overwrite_option("Replace an existing page, and its key.")
@json_option("Print all metrics as JSON.")
@debug_option
@click.pass_context
def compare_command(
    ctx: click.Context,
    models: tuple[str, ...],
    data: str,
    out: Path | None,
    limit: int | None,
    truth: bool,
    blind: bool,
    seed: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare models on the same photographs: metrics, time, memory and images.

    \b
      rechroma compare default checkpoints/mine 'shards/val-*.tar' > table.md
      rechroma compare default other=results/ photos/ -o compare.html
      rechroma compare default other=results/ photos/ --blind -o blind.html

    MODEL is the name of a model, a color model file, or a run's folder that contains a model.onnx;
    for a run, the table includes the cost of training. NAME=FOLDER stands for finished results of
    another program, named like the photographs; their colors are compared at the lightness of the
    photographs.

    DATA is shards of color photographs, which are also the truth, or a folder of photographs
    without truth. Those that are damaged, or whose finished result is, are left out, and the exit
    code is 1. The table is Markdown, sorted
    by balanced AuC. 'rechroma votes' evaluates the votes that the --blind page saves.
    """
    if blind:
        _check_blind_options(out, truth=truth, as_json=as_json)
    elif seed is not None:
        raise OptionError("--seed is for the order on the --blind page")
    key = out.with_suffix(".key.json") if blind and out else None
    check_targets(out, key, overwrite=overwrite)
    shards = [word for word in models if word.endswith(".tar")]  # of a pattern without quotes
    models = tuple(word for word in models if word not in shards)
    images, ground_truth = _open_photographs([*shards, data], truth=truth)
    found = _find_models(models, blind=blind)
    check_no_inputs((out, key), [*map(Path, [*shards, data, *models]), *found.values()])
    require_extra("train", "torch")
    from rechroma.datasets import evenly_spaced
    from rechroma.evaluation import compare, make_blind_test, render_comparison
    from rechroma.evaluation.comparison_output import markdown_table
    from rechroma.fs import write_atomically
    from rechroma.training import training_cost

    numbers = evenly_spaced(len(images), limit or (_BLIND_PHOTOGRAPHS if blind else None))
    with progress_bar(len(numbers), quiet=False, doing="Comparing") as advance:
        if key and out:
            test = make_blind_test(
                found, images, numbers, seed=seed, on_image=advance, on_left_out=print_error
            )
            write_atomically(key, json.dumps(test.key, indent=1).encode(), overwrite=overwrite)
            write_atomically(out, test.page.encode(), overwrite=overwrite)
            click.echo(
                f"{out}: pairs to vote on: {test.questions}. Keep {key} away from the voters."
            )
            click.echo(f"Evaluate their votes: rechroma votes --key {key} VOTES.json...")
            ctx.exit(1 if test.left_out else 0)
        comparison = compare(
            found,
            images,
            numbers,
            ground_truth=ground_truth,
            on_image=advance,
            on_left_out=print_error,
        )
    if not ground_truth:
        click.echo("No ground truth: the metrics that need it are left out.", err=True)
    runs = [Path(model) for model in models if (Path(model) / "checkpoint.pt").is_file()]
    costs = {run.name: training_cost(run) for run in runs}
    if as_json:
        content = comparison.to_dict()
        for name, cost in costs.items():
            content["rows"][name]["training"] = asdict(cost)
        click.echo(json.dumps(content, indent=2))
    else:
        cells = {
            name: {
                "crops": str(cost.images),
                "minutes": f"{cost.minutes:.0f}",
                **({} if cost.accuracy is None else {"labels": f"{cost.accuracy:.1f}"}),
            }
            for name, cost in costs.items()
        }
        click.echo(markdown_table(comparison, cells))
    if out is not None:
        page = render_comparison(comparison, Path(data).name)
        write_atomically(out, page.encode(), overwrite=overwrite)
    ctx.exit(1 if comparison.left_out else 0)


def _check_blind_options(out: Path | None, *, truth: bool, as_json: bool) -> None:
    """Check that `--blind` has a page to write, and no option that only metrics need."""
    if out is None or as_json:
        raise OptionError("--blind writes a page: give its file with -o, without --json")
    if truth:
        raise OptionError("--truth is for metrics, which --blind does not compute")


def _open_photographs(words: Sequence[str], *, truth: bool) -> tuple[Shards | PhotoFolder, bool]:
    """Open shards or a folder of photographs; tells whether the true colors are known.

    Raises:
        SourceError: There is no such file or folder.
        DataError: It contains no images.
        OptionError: `truth` was given for shards.
    """
    from rechroma.datasets import Shards
    from rechroma.evaluation import PhotoFolder

    folder = Path(words[-1])
    if len(words) == 1 and folder.is_dir() and not any(folder.glob("*.tar")):
        return PhotoFolder(folder), truth
    if not folder.is_dir() and not folder.match("*.tar") and not set("*?[") & set(folder.name):
        raise SourceError(
            f"{folder}: neither shards (.tar) nor a folder of photographs",
            hint="The last argument names the photographs to color.",
        )
    if truth:
        raise OptionError("--truth is for a folder of photographs: shards are in color anyway")
    return Shards(words), True


def _find_models(models: Sequence[str], *, blind: bool) -> dict[str, Path]:
    """Find model files and folders of finished results, by the names of their rows.

    Raises:
        ModelError: There is no such model.
        SourceError: There is no such folder.
        OptionError: There are too few models, or a name is missing, reserved or taken.
    """
    from rechroma.models import find_model

    names: list[str] = []
    found: dict[str, Path] = {}
    for model in models:
        name, equals, folder = model.partition("=")
        if equals and not Path(model).exists():
            if not Path(folder).is_dir():
                raise SourceError(
                    f"{model}: there is no folder {folder}",
                    hint="NAME=FOLDER names a folder of finished results.",
                )
            names.append(name)
            found[name] = Path(folder)
            continue
        file = resolve_model(model)
        if file.suffix == ".pt" and file.is_file():
            raise ModelNotFoundError(
                f"{file} is a checkpoint, not a color model: export it first",
                hint=f"rechroma export {file} -o {file.with_name('model.onnx')}",
            )
        names.append(Path(model).name.removesuffix(".onnx"))
        found[names[-1]] = find_model(file)
    _check_names(names, blind=blind)
    return found


def _check_names(names: Sequence[str], *, blind: bool) -> None:
    """Check that each model has a name of its own, and that there are enough models.

    Raises:
        OptionError: There are too few models, or a name is missing, reserved or taken.
    """
    for name in names:
        if reason := (
            (not name and "not a name for")
            or (name in {"gray", "truth"} and "reserved for")
            or (names.count(name) > 1 and "the name of more than")
        ):
            raise OptionError(
                f"{name!r} is {reason} one row of the table",
                hint="A file is listed by its name without .onnx, a run by the name of its folder, "
                "finished results by the NAME in NAME=FOLDER: rename one.",
            )
    if not names:
        raise OptionError("name a model and the photographs")
    if blind and len(names) == 1:
        raise OptionError("--blind needs at least two models")


@click.command("votes")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="VOTES.json..."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    required=True,
    help="The key of the page, written next to it.",
)
@json_option("Print the scores and votes as JSON.")
@debug_option
def votes_command(files: tuple[Path, ...], key: Path, as_json: bool) -> None:
    """Rank models by the votes of a blind test.

    \b
      rechroma compare default other=results/ photos/ --blind -o blind.html
      rechroma votes --key blind.key.json votes-*.json

    Scores are Bradley-Terry log-strengths with a 95 % confidence interval; their mean is 0, and a
    difference of 1 means that 73 % of the votes with a preference are for the better model. Of
    several files of one person, only the one that was saved last counts.
    """
    require_extra("train", "torch")
    from rechroma.evaluation import rank_votes, read_votes

    ranking = rank_votes(read_votes(key, files))
    click.echo(json.dumps(asdict(ranking), indent=2) if as_json else _format_ranking(ranking))


def _format_ranking(ranking: Ranking) -> str:
    """Render scores, and the table of wins (of the row over the column), as Markdown."""
    from rechroma.evaluation.comparison_output import format_markdown

    scores = [["", "score", "95 % interval", "wins", "losses", "ties"]]
    scores += [
        [
            *(name, f"{each.score:+.2f}", f"{each.low:+.2f} to {each.high:+.2f}"),
            *map(str, (each.wins, each.losses, each.ties)),
        ]
        for name, each in ranking.scores.items()
    ]
    names = list(ranking.scores)
    wins = [["wins over", *names]]
    wins += [[a, *(str(ranking.wins[a].get(b, "")) for b in names)] for a in names]
    tables = [format_markdown(header, rows) for header, *rows in (scores, wins)]
    return "\n\n".join([f"Votes: {ranking.votes}", *tables])
