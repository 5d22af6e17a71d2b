"""The parsed command line of `rechroma colorize`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rechroma.cli.inputs import STDIO

if TYPE_CHECKING:
    from rechroma.colorizer import EncodeKwargs, FileKwargs
    from rechroma.hints import Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class CliRequest:
    """The arguments and options of `rechroma colorize`."""

    paths: tuple[str, ...]
    out: str | None
    overwrite: bool
    jobs: int | None
    file_format: str | None
    quality: int
    saturation: float
    warmth: float
    blend: float
    size: int | None
    hints: tuple[Hint, ...]
    max_pixels: int
    no_provenance: bool
    badge: bool
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
            "max_pixels": self.max_pixels,
        }

    def file_options(self) -> FileKwargs:
        """The keyword arguments of :meth:`rechroma.Colorizer.colorize_file`."""
        return {**self.encode_options(), "overwrite": self.overwrite}
