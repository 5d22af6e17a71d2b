"""The `rechroma` command: its subcommands, and the short form of `colorize`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from rechroma._version import __version__
from rechroma.cli.colorize import colorize_command
from rechroma.cli.compare import compare_command, votes_command
from rechroma.cli.data import data_group
from rechroma.cli.demo import demo_command
from rechroma.cli.error_reporting import debug_option, report_errors
from rechroma.cli.evaluate import evaluate_command
from rechroma.cli.models import export_command, models_group
from rechroma.cli.restore import restore_command
from rechroma.cli.serve import app_command, serve_command, worker_command
from rechroma.cli.shelf import add_command, get_command, remove_command
from rechroma.cli.site import site_command
from rechroma.cli.train import finetune_command, train_command
from rechroma.errors import did_you_mean

HELP_OPTIONS = ("-h", "--help")
_WORDS = "rechroma.words"


class Shorthand(click.Group):
    """A command group that treats `rechroma photo.jpg` as `rechroma colorize photo.jpg`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `colorize` if the first word is an argument or option of it."""
        own = {option for parameter in self.params for option in parameter.opts} | {*HELP_OPTIONS}
        at = next((i for i, word in enumerate(args) if word not in own), None)
        if at is not None and self._belongs_to_colorize(args[at]):
            args = [*args[:at], colorize_command.name or "", *args[at:]]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the closest one."""
        if args[0] not in self.commands:
            hint = did_you_mean(args[0], [*self.commands, *_names_like(args[0])])
            raise click.UsageError(f"There is no command, file or folder {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401
    ) -> click.Context:
        """Parse the command line; report errors, such as a help text that cannot be written."""
        words = list(args)
        with report_errors(words):
            ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[_WORDS] = words
        return ctx

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; report errors."""
        with report_errors(ctx.meta[_WORDS]):
            return super().invoke(ctx)

    def _belongs_to_colorize(self, word: str) -> bool:
        if word in self.commands:
            return False
        if word == "--":
            return True
        if word.startswith("-") and word != "-":
            options = [option for parameter in colorize_command.params for option in parameter.opts]
            attached_value = not word.startswith("--") and word[:2] in options
            return attached_value or word.split("=", 1)[0] in options
        from rechroma.cli.batch_plan import looks_like_image

        return looks_like_image(word)


def _names_like(word: str) -> list[str]:
    """Return the names in the current folder that differ from a word in upper and lower case."""
    with suppress(OSError):
        return [path.name for path in Path().iterdir() if path.name.lower() == word.lower()]
    return []


@click.group(
    "rechroma",
    cls=Shorthand,
    context_settings={"help_option_names": [*HELP_OPTIONS]},
    epilog="Run 'rechroma COMMAND --help' for the options of a command.",
)
@click.version_option(__version__, prog_name="rechroma")
@debug_option
def root_command() -> None:
    """Color black-and-white photographs.

    \b
      rechroma photo.jpg            write photo.color.jpg next to it
      rechroma photos/ -o colored/  color a whole folder; continues where it stopped
      rechroma app                  open a page in the browser, to correct colors
      rechroma demo                 try it on sample photographs

    'rechroma photo.jpg' is short for 'rechroma colorize photo.jpg'. Everything runs on this
    computer: no photograph leaves it, and only 'data fetch', 'models get' and
    'models add URL' need a network.
    """


for _command in (add_command, get_command, remove_command):
    models_group.add_command(_command)
for _command in (
    *(colorize_command, restore_command, models_group, demo_command),
    *(app_command, serve_command, worker_command),
    *(data_group, train_command, finetune_command, export_command, evaluate_command),
    *(compare_command, votes_command, site_command),
):
    root_command.add_command(_command)
