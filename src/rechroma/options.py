"""The options of colorization: names, types, ranges, defaults and one-line descriptions.

The single source for the Python interface, the command line, the REST API, its client and the
page's sliders. Nothing heavy is imported, so that `--help` and the client can read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from rechroma.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PIXELS = 250_000_000
"""The default limit of image size in pixels: some 2 GB of memory while one is colorized."""
MIN_SIZE, MAX_SIZE = 64, 2048
PROVIDERS = ("auto", "cpu", "cuda")
"""Execution providers, the default first."""
PAGES_PATTERN = r"^(?:all|([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?)$"
"""Accepted values of the option `pages`."""
RESULT_SUFFIX = ".color"
"""Inserted before the file suffix of a result: `photo.color.jpg` for `photo.jpg`."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Option:
    """The description of one option.

    Attributes:
        name: Field name, query parameter and, with dashes, command-line flag.
        default: Value if the option is not given; None if it depends on the model or the image.
        text: What the option does, for `--help` and the API description.
        low: Smallest value; None for options that are no numbers.
        high: Largest value.
        step: Step of the page's slider; None for options that have none.
    """

    name: str
    default: Any
    text: str
    low: float | None = None
    high: float | None = None
    step: float | None = None


def _option(
    default: Any,  # noqa: ANN401
    text: str,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
) -> Any:  # noqa: ANN401
    metadata = {"text": text, "low": low, "high": high, "step": step}
    return field(default=default, metadata=metadata)


class _Checked:
    """Checks the types and ranges of a dataclass of options on creation."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            option, value = OPTIONS[each.name], getattr(self, each.name)
            if value is None and option.default is None:
                continue
            if isinstance(option.default, bool):
                if not isinstance(value, bool):
                    raise OptionError(f"{option.name} must be True or False, not {value!r:.60}")
            elif option.low is not None:
                check = check_range if isinstance(option.default, float) else check_int
                check(option.name, value, option.low, option.high)


@dataclass(frozen=True)
class Adjustments(_Checked):
    """Adjustments of the predicted chroma before rendering.

    Attributes:
        saturation: Factor on the chroma, 0 (gray) to 3.
        warmth: -1 (cooler) to 1 (warmer): up to 12 units of b* and 3 of a*, less where there is
            little color, so that neutral stays neutral.
        blend: Share of the color that is mixed into the gray, 0 to 1.

    Raises:
        OptionError: A value is out of range or not a number.
    """

    saturation: float = _option(1.0, "Saturation: 0 is gray, 3 is vivid.", 0, 3, 0.05)
    warmth: float = _option(0.0, "Color temperature: -1 is cooler, 1 is warmer.", -1, 1, 0.05)
    blend: float = _option(1.0, "Share of color blended into the gray, 0 to 1.", 0, 1, 0.05)


@dataclass(frozen=True)
class InferenceOptions(_Checked):
    """Options of network inference.

    Attributes:
        size: Long side of the network input, 64 to 2048 pixels; None for the size that the model
            was trained for.

    Raises:
        OptionError: A value is out of range or not a whole number.
    """

    size: int | None = _option(
        None, "Long side of the network input in pixels, 64 to 2048.", MIN_SIZE, MAX_SIZE
    )


@dataclass(frozen=True)
class InputOptions(_Checked):
    """Options of reading the input file.

    Attributes:
        strict: Whether to reject a truncated JPEG instead of coloring the part that is there.
        pages: The pages of a TIFF: "all", or numbers from 1 such as "3" or "1-4"; None for the
            first. Several become a TIFF with as many pages.

    Raises:
        OptionError: A value is of the wrong type, or no such range.
    """

    strict: bool = _option(
        default=False, text="Reject a truncated JPEG instead of coloring the part that is there."
    )
    pages: str | None = _option(None, "Pages of a TIFF to color: all, or such as 3 or 1-4.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.page_range(1)

    def page_range(self, count: int) -> range:
        """Return the numbers of the pages of a file that has `count` pages; the last may exceed it.

        Raises:
            OptionError: `pages` is no such range.
        """
        if self.pages is None or self.pages == "all":
            return range(1, 2 if self.pages is None else count + 1)
        match = re.match(PAGES_PATTERN, str(self.pages))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise OptionError(f"pages must be all, or such as 3 or 1-4, not {self.pages!r:.60}")
        return range(first, last + 1)


@dataclass(frozen=True)
class OutputOptions(_Checked):
    """Encoding options of the output file.

    Attributes:
        format: File format, by name or suffix in any case; None for that of the target's name or,
            without one, of the source.
        quality: Quality of JPEG, WebP (unless its source has no loss), HEIF and AVIF, 1 to 100.
        provenance: Whether to add XMP metadata that declares the colors as made by a model.
        badge: Whether to draw a small visible mark that declares the same.
        keep_luma: Whether to leave the luma of a gray JPEG as it is, bit for bit, and add chroma
            to it; `quality` is that of the chroma, then.

    Raises:
        OptionError: A value is out of range or of the wrong type, or `keep_luma` is combined with
            `badge`.
    """

    format: str | None = _option(None, "File format of the result, such as jpeg, png or tiff.")
    quality: int = _option(92, "Quality of JPEG, WebP, HEIF and AVIF, 1 to 100.", 1, 100)
    provenance: bool = _option(
        default=True, text="Add XMP metadata that declares the colors as AI-made."
    )
    badge: bool = _option(
        default=False, text="Draw a small mark that declares the image as colorized."
    )
    keep_luma: bool = _option(
        default=False,
        text="Leave the luma of a gray JPEG as it is, bit for bit, so that it can be restored.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_luma and self.badge:
            raise OptionError("keep_luma cannot be combined with badge, which changes the luma")


OPTIONS: Mapping[str, Option] = {
    each.name: Option(each.name, each.default, **each.metadata)
    for group in (Adjustments, InferenceOptions, InputOptions, OutputOptions)
    for each in fields(group)
}
"""Every option by its name."""


class AdjustmentKwargs(TypedDict, total=False):
    """:class:`Adjustments` as keyword arguments."""

    saturation: float
    warmth: float
    blend: float


class InferenceKwargs(TypedDict, total=False):
    """:class:`InferenceOptions` as keyword arguments."""

    size: int | None


class InputKwargs(TypedDict, total=False):
    """:class:`InputOptions` as keyword arguments."""

    strict: bool
    pages: str | None


class OutputKwargs(TypedDict, total=False):
    """:class:`OutputOptions` as keyword arguments, except `format`."""

    quality: int
    provenance: bool
    badge: bool
    keep_luma: bool


def parse_options(group: type[_T], keywords: Mapping[str, Any]) -> _T:
    """Create a dataclass of options from those keyword arguments that are its fields.

    Args:
        group: One of the dataclasses of this module.
        keywords: Keyword arguments; see :func:`check_keywords` for the other ones.

    Raises:
        OptionError: A value is out of range or of the wrong type.
    """
    names = {each.name for each in fields(group)}  # type: ignore[arg-type]
    return group(**{name: value for name, value in keywords.items() if name in names})


def check_keywords(keywords: Mapping[str, Any], *groups: type, also: tuple[str, ...] = ()) -> None:
    """Reject unknown keyword arguments.

    Args:
        keywords: Keyword arguments.
        *groups: The dataclasses of this module whose fields are allowed.
        also: More allowed names.

    Raises:
        OptionError: A name is unknown; the hint suggests a known one.
    """
    known = [each.name for group in groups for each in fields(group)] + list(also)
    for name in keywords:
        if name not in known:
            raise OptionError(f"unknown option {name!r}", hint=did_you_mean(name, known))


def check_int(name: str, value: int, low: float, high: float | None) -> None:
    """Check that a value is a whole number within a range.

    Args:
        name: The option, as the user knows it.
        value: The value.
        low: The smallest allowed value.
        high: The largest allowed value; None for no limit.

    Raises:
        OptionError: The value is not a whole number, or out of range.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise OptionError(f"{name} must be a whole number, not {value!r:.60}")
    check_range(name, value, low, high)


def check_range(name: str, value: float, low: float, high: float | None) -> None:
    """Check that a value is a number within a range, like :func:`check_int`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise OptionError(f"{name} must be a number, not {value!r:.60}")
    # Written so that a NaN is rejected, too.
    if not value >= low or (high is not None and not value <= high):
        expected = f"at least {low}" if high is None else f"{low} to {high}"
        raise OptionError(f"{name} must be {expected}, not {value}")
