"""`rechroma compare`, several models on the same photographs, and `rechroma votes`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import resolve_model
from rechroma.cli.options import json_option, path_option
from rechroma.cli.preflight import check_targets, require_extra
from rechroma.cli.progress import progress_bar
from rechroma.errors import ModelNotFoundError, OptionError

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
    "--seed", type=int, default=0, show_default=True, help="Seed of the order on the --blind page."
)
@json_option("Print all metrics as JSON.")
@debug_option
def compare_command(
    models: tuple[str, ...],
    data: str,
    out: Path | None,
    limit: int | None,
    truth: bool,
    blind: bool,
    seed: int,
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
    without truth. The table is Markdown, sorted by balanced AuC. 'rechroma votes' evaluates the
    votes that the --blind page saves.
    """
    require_extra("train", "torch")
    if blind and (out is None or as_json):
        raise OptionError("--blind writes a page: give its file with -o, without --json")
    key = out.with_suffix(".key.json") if blind and out else None
    check_targets(out, key)
    from rechroma.datasets import evenly_spaced
    from rechroma.evaluation import compare, make_blind_test, render_comparison
    from rechroma.evaluation.comparison_output import markdown_table
    from rechroma.fs import write_atomically
    from rechroma.training import training_cost

    shards = [word for word in models if word.endswith(".tar")]  # of a pattern without quotes
    models = tuple(word for word in models if word not in shards)
    images, ground_truth = _open_photographs([*shards, data], truth=truth)
    found = _find_models(models, least=2 if blind else 1)
    numbers = evenly_spaced(len(images), limit or (_BLIND_PHOTOGRAPHS if blind else None))
    with progress_bar(len(numbers), quiet=False, doing="Comparing") as advance:
        if key and out:
            test = make_blind_test(found, images, numbers, seed=seed, on_image=advance)
            write_atomically(key, json.dumps(test.key, indent=1).encode(), overwrite=True)
            write_atomically(out, test.page.encode(), overwrite=True)
            click.echo(f"{out}: {test.questions} pairs. Keep {key} away from the voters.")
            click.echo(f"Evaluate their votes: rechroma votes --key {key} VOTES.json...")
            return
        comparison = compare(found, images, numbers, ground_truth=ground_truth, on_image=advance)
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
        write_atomically(out, page.encode(), overwrite=True)


def _open_photographs(words: Sequence[str], *, truth: bool) -> tuple[Shards | PhotoFolder, bool]:
    """Open shards or a folder of photographs; tells whether the true colors are known."""
    from rechroma.datasets import Shards
    from rechroma.evaluation import PhotoFolder

    folder = Path(words[-1])
    if len(words) == 1 and folder.is_dir() and not any(folder.glob("*.tar")):
        return PhotoFolder(folder), truth
    return Shards(words), True


def _find_models(models: Sequence[str], *, least: int) -> dict[str, Path]:
    """Find model files and folders of finished results, by the names of their rows.

    Raises:
        ModelError: There is no such model.
        OptionError: There are too few models, or two would have the same name.
    """
    from rechroma.models import find_model

    found: dict[str, Path] = {}
    for model in models:
        name, equals, folder = model.partition("=")
        if equals and name and not Path(model).exists():
            found[name] = Path(folder)
            if not Path(folder).is_dir():
                raise OptionError(f"{model}: there is no folder {folder}")
            continue
        file = resolve_model(model)
        if file.suffix == ".pt" and file.is_file():
            raise ModelNotFoundError(
                f"{file} is a checkpoint, not a color model: export it first",
                hint=f"rechroma export {file} -o {file.with_name('model.onnx')}",
            )
        found[Path(model).name.removesuffix(".onnx")] = find_model(file)
    if len(found) < len(models) or found.keys() & {"gray", "truth"}:
        raise OptionError(
            "two rows of the table would have the same name",
            hint="A file is listed by its name without .onnx, a run by the name of its folder.",
        )
    if len(found) < least:
        raise OptionError(f"name {'two models' if least > 1 else 'a model'} and the photographs")
    return found


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
    difference of 1 means that 73 % of the votes with a preference are for the better model.
    """
    require_extra("train", "torch")
    from rechroma.evaluation import rank_votes, read_votes

    ranking = rank_votes(read_votes(key, files))
    click.echo(json.dumps(asdict(ranking), indent=2) if as_json else _format_ranking(ranking))


def _format_ranking(ranking: Ranking) -> str:
    """Render scores, and the table of wins (of the row over the column), as Markdown."""
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
    tables = []
    for header, *rows in (scores, wins):
        lines = [header, ["---"] * len(header), *rows]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return f"{ranking.votes} votes\n\n" + "\n\n".join(tables)
