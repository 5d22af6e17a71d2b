"""The `rechroma` command itself: the list of its commands, and the short form without one."""

from __future__ import annotations

from typing import Any

import click

from rechroma._version import __version__
from rechroma.cli.app import app_command
from rechroma.cli.colorize import colorize_command
from rechroma.cli.data import data_group
from rechroma.cli.demo import demo_command
from rechroma.cli.error_reporting import debug_option, reported_failures
from rechroma.cli.evaluate import evaluate_command
from rechroma.cli.export import export_command
from rechroma.cli.finetune import finetune_command
from rechroma.cli.leaderboard import leaderboard_command
from rechroma.cli.models import models_group
from rechroma.cli.serve import serve_command
from rechroma.cli.train import train_command
from rechroma.cli.worker import worker_command

HELP_OPTIONS = ("-h", "--help")


class Shorthand(click.Group):
    """A group that reads `rechroma photo.jpg` as `rechroma colorize photo.jpg`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `colorize` in front where the first word can only belong to it."""
        own = {option for parameter in self.params for option in parameter.opts} | {*HELP_OPTIONS}
        at = next((i for i, word in enumerate(args) if word not in own), None)
        if at is not None and self._belongs_to_colorize(args[at]):
            args = [*args[:at], colorize_command.name or "", *args[at:]]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a mistyped one is answered with the nearest."""
        if args[0] not in self.commands:
            raise click.UsageError(_unknown_word(args[0], list(self.commands)), ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401
        """Read the command line; a help text that could not be written is a failure like any."""
        with reported_failures():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what goes wrong becomes one line, a hint and an exit code."""
        with reported_failures():
            return super().invoke(ctx)

    def _belongs_to_colorize(self, word: str) -> bool:
        if word in self.commands:
            return False
        if word == "--":
            return True
        if word.startswith("-") and word != "-":
            return _is_option_of(colorize_command, word)
        from rechroma.cli.inputs import names_pictures

        return names_pictures(word)


def _is_option_of(command: click.Command, word: str) -> bool:
    options = [option for parameter in command.params for option in parameter.opts]
    attached_value = not word.startswith("--") and word[:2] in options
    return attached_value or word.split("=", 1)[0] in options


def _unknown_word(word: str, commands: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, commands, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"The commands are {', '.join(commands)}."
    return f"There is no command, file or folder {word!r}. {advice}"


@click.group(
    "rechroma",
    cls=Shorthand,
    context_settings={"help_option_names": [*HELP_OPTIONS]},
    epilog="'rechroma COMMAND --help' tells more about each command.",
)
@click.version_option(__version__, prog_name="rechroma")
@debug_option
def root_command() -> None:
    """Give black-and-white photographs color.

    \b
      rechroma photo.jpg             writes photo.color.jpg beside it
      rechroma photos/ -o colored/  a whole folder; goes on where it stopped
      rechroma app                   a page in the browser, to correct the colors
      rechroma demo                  try it on a few sample photographs

    'rechroma photo.jpg' is short for 'rechroma colorize photo.jpg'. Everything runs on this
    computer: no picture leaves it, and no network connection is needed (but for 'data fetch').
    """


root_command.add_command(colorize_command)
root_command.add_command(models_group)
root_command.add_command(demo_command)
root_command.add_command(app_command)
root_command.add_command(serve_command)
root_command.add_command(worker_command)
root_command.add_command(data_group)
root_command.add_command(train_command)
root_command.add_command(finetune_command)
root_command.add_command(export_command)
root_command.add_command(evaluate_command)
root_command.add_command(leaderboard_command)
