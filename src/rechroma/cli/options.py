"""Options shared by several commands, and the parsed command line of `colorize`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rechroma.cli.batch_plan import STDIO
from rechroma.options import OPTIONS, PROVIDERS

if TYPE_CHECKING:
    from rechroma.cli.ledger import ColorizationSettings
    from rechroma.colorizer import EncodeKwargs, FileKwargs
    from rechroma.hints import Hint
    from rechroma.project import ImageEdit

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Number(click.types.FloatParamType):
    """A number, with advice for a decimal comma."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - as in click
        """Convert a word of the command line."""
        if isinstance(value, str) and re.fullmatch(r"-?\d*,\d+", value):
            self.fail(f"{value!r} has a comma: write {value.replace(',', '.')}", param, ctx)
        return super().convert(value, param, ctx)


def model_options(command: _Command) -> _Command:
    """Add `--model` and `--provider`."""
    model = click.option(
        "--model",
        default="default",
        show_default=True,
        metavar="NAME|FILE",
        help="A model listed by 'rechroma models list', or the path of a model file.",
    )
    provider = click.option(
        "--provider",
        type=click.Choice(PROVIDERS),
        default="auto",
        show_default=True,
        help="Execution provider: the CPU, an NVIDIA GPU, or the best available.",
    )
    return model(provider(command))


def colorize_options(command: _Command) -> _Command:
    """Add the numeric options of :mod:`rechroma.options`."""
    for name in reversed(("quality", "saturation", "warmth", "blend", "size")):
        option = OPTIONS[name]
        command = click.option(
            f"--{name}",
            type=_Number() if isinstance(option.default, float) else int,
            default=option.default,
            show_default=option.default is not None,
            help=option.text
            if option.default is not None
            else f"{option.text}  [default: the model's]",
        )(command)
    return command


def service_options(data: str) -> Callable[[_Command], _Command]:
    """Add the options of a server and its workers; their defaults come from the environment.

    Args:
        data: The help text of `--data`.
    """
    options = (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help=f"{data}  [default: rechroma-jobs]",
        ),
        click.option("--model", metavar="NAME|FILE", help="Model for requests that name none."),
        click.option(
            "--provider",
            type=click.Choice(PROVIDERS),
            help="Execution provider.  [default: auto]",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            metavar="N",
            help="Number of images colored at the same time.",
        ),
    )

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def json_option(help: str) -> Callable[[_Command], _Command]:  # noqa: A002 - click's name for it
    """Add `--json`, passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def path_option(*names: str, default: str | None, help: str) -> Callable[[_Command], _Command]:  # noqa: A002 - click's name for it
    """Add an option whose value is a path."""
    return click.option(
        *names,
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


def weights_option(default: str) -> Callable[[_Command], _Command]:
    """Add `--weights`, the storage type of the weights of a model file."""
    return click.option(
        "--weights",
        type=click.Choice(("float32", "float16", "int8")),
        default=default,
        show_default=True,
        help="Round the stored weights: float16 halves the file, int8 quarters it.",
    )


contract_option = click.option(
    "--contract",
    metavar="NAME",
    help="What an ONNX file of another program takes and gives: ddcolor or deoldify.  [default: "
    "recognized]",
)

import_option = click.option(
    "--import",
    "module",
    metavar="MODULE",
    help="Import this module first: that of the network, if it is another package's.",
)

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a recipe key, such as optimizer.lr=1e-3. Can be repeated.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CliRequest:
    """The arguments and options of `rechroma colorize`."""

    paths: tuple[str, ...]
    out: str | None
    overwrite: bool
    keep_time: bool
    jobs: int | None
    file_format: str | None
    quality: int
    saturation: float
    warmth: float
    blend: float
    size: int | None
    hints: tuple[Hint, ...]
    project: tuple[ImageEdit, ...]
    max_pixels: int
    no_provenance: bool
    badge: bool
    keep_luma: bool
    strict: bool
    pages: str | None
    as_json: bool
    quiet: bool
    model: str
    provider: str

    @property
    def is_stream(self) -> bool:
        """True if the image comes from stdin or goes to stdout."""
        return STDIO in self.paths or self.out == STDIO

    @property
    def target(self) -> Path | None:
        """The output file of an image from stdin; None for stdout."""
        return None if self.out in (None, STDIO) else Path(self.out)

    def encode_options(self) -> EncodeKwargs:
        """The keyword arguments of :meth:`rechroma.Colorizer.colorize_bytes`."""
        return {
            "saturation": self.saturation,
            "warmth": self.warmth,
            "blend": self.blend,
            "size": self.size,
            "hints": self.hints,
            "format": self.file_format,
            "quality": self.quality,
            "provenance": not self.no_provenance,
            "badge": self.badge,
            "keep_luma": self.keep_luma,
            "strict": self.strict,
            "pages": self.pages,
            "max_pixels": self.max_pixels,
        }

    def settings(self) -> ColorizationSettings:
        """The model and the options, as the ledger of results records them."""
        from rechroma.cli.ledger import ColorizationSettings
        from rechroma.models import find_model

        return ColorizationSettings.from_options(find_model(self.model), self.encode_options())

    def file_options(self) -> FileKwargs:
        """The keyword arguments of :meth:`rechroma.Colorizer.colorize_file`."""
        options = self.encode_options()
        return {**options, "overwrite": self.overwrite, "keep_time": self.keep_time}
