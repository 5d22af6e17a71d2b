"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rechroma.options import OPTIONS, PROVIDERS

_Command = TypeVar("_Command", bound=Callable[..., Any])


def model_options(command: _Command) -> _Command:
    """Add `--model` and `--provider`."""
    model = click.option(
        "--model",
        default="default",
        show_default=True,
        metavar="NAME|FILE",
        help="A model that 'rechroma models list' shows, or a model file of yours.",
    )
    provider = click.option(
        "--provider",
        type=click.Choice(PROVIDERS),
        default="auto",
        show_default=True,
        help="What computes: the processor, an NVIDIA card, or the best there is.",
    )
    return model(provider(command))


def _number_option(name: str) -> Callable[[_Command], _Command]:
    option = OPTIONS[name]
    return click.option(
        f"--{name}",
        type=float if isinstance(option.default, float) else int,
        default=option.default,
        show_default=option.default is not None,
        help=option.text
        if option.default is not None
        else f"{option.text}  [default: the model's]",
    )


def colorize_options(command: _Command) -> _Command:
    """Add the options of :mod:`rechroma.options` that are numbers, and the two switches."""
    for name in reversed(("quality", "saturation", "warmth", "blend", "size")):
        command = _number_option(name)(command)
    return command


def service_options(data: str) -> Callable[[_Command], _Command]:
    """Add what a server and its workers agree on; what is not given, the environment says.

    Args:
        data: Help for `--data`.
    """
    options = (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help=f"{data}  [default: rechroma-jobs]",
        ),
        click.option("--model", metavar="NAME|FILE", help="For requests that name none."),
        click.option(
            "--provider", type=click.Choice(PROVIDERS), help="What computes.  [default: auto]"
        ),
        click.option(
            "--workers", type=click.IntRange(min=1), metavar="N", help="Pictures at a time."
        ),
    )

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def json_option(help: str) -> Callable[[_Command], _Command]:  # noqa: A002 - as click names it
    """Add `--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)
