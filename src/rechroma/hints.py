"""Color hints: colors fixed at points of an image, as objects, as JSON and as network input.

A hints file is JSON in UTF-8, without other keys; later hints override earlier ones::

    {"format": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"},
                            {"x": 0.7, "y": 0.5, "color": "#c04030", "radius": 0.1},
                            {"x": 0.9, "y": 0.5, "color": "#c04030", "only_here": true}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.errors import HintError, error_context
from rechroma.json_reader import JsonReader, show_json

if TYPE_CHECKING:
    import os

    from rechroma.color.lab import Float

MAX_HINTS = 256
"""As many as a network spreads (:mod:`rechroma.networks.layers.hint_propagation`)."""

_FORMAT = 1
_SIDE = 7 / 256  # side of a hint's square, relative to the long side of the image
_FILE = 'Hints are a JSON file; "x" and "y" run from 0 to 1 over the image.'
_POINT = "Divide a pixel's x by the width of the image, and its y by the height."
_EXAMPLE = 'Example: {"format": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"}]}'
_JSON = JsonReader(HintError, _FORMAT, _FILE, _EXAMPLE)


@dataclass(frozen=True)
class Hint:
    """A color fixed at a point of an image.

    Attributes:
        x: From 0, the left edge of the upright image, to 1, the right one.
        y: From 0, the top edge, to 1, the bottom one.
        color: sRGB, as "#rrggbb". Only its chroma counts: the lightness is the image's own.
        radius: Distance from the point beyond which the hint has no effect, relative to the long
            side of the image, above 0 to 1. Without it, a hint reaches over the surface that it
            is on.
        only_here: Keep the hint to the nearest part of that surface.

    Raises:
        HintError: The point is outside the image, or another value is invalid.
    """

    x: float
    y: float
    color: str
    radius: float | None = None
    only_here: bool = False

    def __post_init__(self) -> None:
        _check_fraction("x", self.x, _POINT)
        _check_fraction("y", self.y, _POINT)
        if not isinstance(self.color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", self.color):
            raise HintError(f'color must be like "#c04030", not {show_json(self.color)}')
        if self.radius is not None:
            _check_fraction("radius", self.radius, "Leave it out for no limit.")
        if not isinstance(self.only_here, bool):
            raise HintError(f"only_here must be true or false, not {show_json(self.only_here)}")

    @property
    def ab(self) -> tuple[float, float]:
        """CIE a* and b* of the color."""
        rgb = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8)
        _, a, b = srgb_to_lab(rgb).tolist()
        return a, b


def read_hints(path: str | os.PathLike[str]) -> tuple[Hint, ...]:
    """Read a hints file.

    Raises:
        SourceError: The file is missing or not readable.
        HintError: The content is invalid; the message names the position.
    """
    content = _JSON.read(path)
    with error_context(path):
        return hints_from_json(content)


def hints_from_json(text: str | bytes) -> tuple[Hint, ...]:
    """Parse hints from JSON.

    Args:
        text: As :func:`hints_to_json` writes it; bytes in UTF-8.

    Raises:
        HintError: The text is invalid; the message names the position.
    """
    fields = _JSON.parse(text)
    if "images" in fields and "hints" not in fields:
        raise HintError(
            "this is a project, not a file of hints",
            hint="'rechroma colorize --project' applies it, and the page opens it.",
        )
    _JSON.check_keys(fields, ("format", "hints"))
    return parse_hints(fields["hints"])


def parse_hints(items: object) -> tuple[Hint, ...]:
    """Parse the list of hints in a JSON file.

    Raises:
        HintError: It is invalid; the message names the position.
    """
    checked = _JSON.check_list("hints", items)
    _check_count(len(checked))
    hints = []
    for number, item in enumerate(checked, 1):
        with error_context(f"hint {number}"):
            fields = _JSON.check_object(item)
            _JSON.check_keys(fields, ("x", "y", "color"), ("radius", "only_here"))
            hints.append(Hint(**fields))
    return tuple(hints)


def hints_to_json(hints: Sequence[Hint]) -> str:
    """Format hints as JSON, for :func:`hints_from_json`."""
    items: list[dict[str, Any]] = []
    for hint in hints:
        items.append({"x": float(hint.x), "y": float(hint.y), "color": hint.color})
        if hint.radius is not None:
            items[-1]["radius"] = float(hint.radius)
        if hint.only_here:
            items[-1]["only_here"] = True
    return json.dumps({"format": _FORMAT, "hints": items})


def check_hints(hints: object) -> None:
    """Check that a value is a list or tuple of at most `MAX_HINTS` hints.

    Raises:
        HintError: It is not.
    """
    if not isinstance(hints, Sequence) or not all(isinstance(hint, Hint) for hint in hints):
        raise HintError(f"hints must be a list of Hint, not {hints!r:.60}")
    _check_count(len(hints))


def hint_map(hints: Sequence[Hint], height: int, width: int) -> Float:
    """Rasterize hints as network input, each as a small square; later ones override earlier ones.

    Args:
        hints: The hints.
        height: Height of the network input in pixels.
        width: Width of the network input in pixels.

    Returns:
        (3, H, W) float32: a*, b* and a mask that is 1 at the hints; 0 elsewhere.
    """
    drawn = np.zeros((3, height, width), np.float32)
    for hint in hints:
        area = (slice(None), *hint_square(hint.x, hint.y, height, width))
        drawn[area] = np.reshape((*hint.ab, 1), (3, 1, 1))
    return drawn


def hint_square(x: float, y: float, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of an image that a hint at a point covers."""
    side = max(1, round(_SIDE * max(height, width)))
    return pixels_at(y, height, side), pixels_at(x, width, side)


def pixels_at(at: float, length: int, side: int = 1) -> slice:
    """Return the pixels around a point along one axis of an image, cropped to its start.

    Args:
        at: The point, from 0 at one end to 1 at the other.
        length: Length of the axis in pixels.
        side: The number of pixels, centered on the point.
    """
    start = min(int(at * length), length - 1) - side // 2
    return slice(max(start, 0), start + side)


def _check_fraction(name: str, value: float, hint: str = "") -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    too_small = name == "radius" and value == 0
    if not is_number or too_small or not 0 <= value <= 1:  # so that a NaN is rejected, too
        range_ = "above 0 and at most 1" if name == "radius" else "from 0 to 1"
        raise HintError(f"{name} must be a number {range_}, not {show_json(value)}", hint=hint)


def _check_count(count: int) -> None:
    if count > MAX_HINTS:
        raise HintError(f"{count} hints exceed the limit of {MAX_HINTS}")
