"""Colors that the user fixed at places of a picture: in memory, as JSON, and drawn for a network.

A file of hints is JSON in UTF-8; nothing else may stand in it, and later hints lie over earlier
ones::

    {"format": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.error_context import error_context
from rechroma.errors import HintError, SourceError

if TYPE_CHECKING:
    import os

    from rechroma.color.lab import Float

MAX_HINTS = 1000

_FORMAT = 1
_SIDE = 7 / 256  # of a drawn hint, over the long side of the picture
_FILE = "Hints are a JSON file; 'x' and 'y' run from 0 to 1 over the picture."
_PLACE = "Places are shares of the picture: a pixel's x over its width, and its y over its height."
_SHAPE = 'It looks so: {"format": 1, "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"}]}'


@dataclass(frozen=True)
class Hint:
    """A color that the user fixed at a place.

    Attributes:
        x: From 0, the left edge of the upright picture, to 1, the right one.
        y: From 0, the upper edge, to 1, the lower one.
        color: sRGB, as "#rrggbb". Only its chroma counts: the lightness is the photograph's.

    Raises:
        HintError: A place outside the picture, or no such color.
    """

    x: float
    y: float
    color: str

    def __post_init__(self) -> None:
        _check_place("x", self.x)
        _check_place("y", self.y)
        if not isinstance(self.color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", self.color):
            raise HintError(f"color must be like '#c04030', not {self.color!r:.60}")

    @property
    def ab(self) -> tuple[float, float]:
        """CIE a* and b* of the color."""
        rgb = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8)
        _, a, b = srgb_to_lab(rgb).tolist()
        return a, b


def read_hints(path: str | os.PathLike[str]) -> tuple[Hint, ...]:
    """Read a file of hints.

    Raises:
        SourceError: The file is missing or may not be read.
        HintError: It does not hold what it should; the message names the place.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", hint=_FILE) from error
    except ValueError as error:  # a NUL in the name
        raise SourceError(f"{path!r}: {error}") from error
    with error_context(path):
        return hints_from_json(content)


def hints_from_json(text: str | bytes) -> tuple[Hint, ...]:
    """The hints that a JSON text holds.

    Args:
        text: As :func:`hints_to_json` writes it; bytes in UTF-8.

    Raises:
        HintError: It does not hold what it should; the message names the place.
    """
    fields = _object(_parsed(text))
    _check_format(fields.get("format"))
    _check_keys(fields, {"format", "hints"})
    items = fields["hints"]
    if not isinstance(items, list):
        raise _broken(f"hints must be a list, not {items!r:.60}")
    _check_count(len(items))
    return tuple(_hint(number, item) for number, item in enumerate(items, 1))


def hints_to_json(hints: Sequence[Hint]) -> str:
    """The JSON text that :func:`hints_from_json` reads."""
    items = [{"x": float(h.x), "y": float(h.y), "color": h.color} for h in hints]
    return json.dumps({"format": _FORMAT, "hints": items})


def check_hints(hints: object) -> None:
    """See that something is a list or tuple of hints, and not too long.

    Raises:
        HintError: It is not.
    """
    if not isinstance(hints, Sequence) or not all(isinstance(hint, Hint) for hint in hints):
        raise HintError(f"hints must be a list of Hint, not {hints!r:.60}")
    _check_count(len(hints))


def hint_map(hints: Sequence[Hint], height: int, width: int) -> Float:
    """Draw hints for a network, each as a small square; later ones lie over earlier ones.

    Args:
        hints: What the user fixed.
        height: Of the picture that the network sees, in pixels.
        width: Of the same.

    Returns:
        (3, H, W) float32: a* and b*, and a mask that is 1 where they are fixed; 0 elsewhere.
    """
    drawn = np.zeros((3, height, width), np.float32)
    side = max(1, round(_SIDE * max(height, width)))
    for hint in hints:
        place = (slice(None), pixels_at(hint.y, height, side), pixels_at(hint.x, width, side))
        drawn[place] = np.reshape((*hint.ab, 1), (3, 1, 1))
    return drawn


def pixels_at(at: float, length: int, side: int = 1) -> slice:
    """The pixels at a place along one side of a picture, as far as there are any.

    Args:
        at: The place, from 0 at one end to 1 at the other.
        length: Of the picture's side, in pixels.
        side: How many pixels, the one at the place in their middle.
    """
    start = min(int(at * length), length - 1) - side // 2
    return slice(max(start, 0), start + side)


def _check_place(name: str, value: float) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:  # written so that a NaN is refused, too
        raise HintError(f"{name} must be a number from 0 to 1, not {value!r:.60}", hint=_PLACE)


def _check_count(count: int) -> None:
    if count > MAX_HINTS:
        raise HintError(f"{count} hints are more than {MAX_HINTS}, the most there may be")


def _parsed(text: str | bytes) -> object:
    try:
        return json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        raise _broken("not text in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise _broken(f"not JSON ({error})") from error


def _hint(number: int, item: object) -> Hint:
    with error_context(f"hint {number}"):
        fields = _object(item)
        _check_keys(fields, {"x", "y", "color"})
        return Hint(**fields)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _broken(f"must be an object, not {value!r:.60}")
    return value


def _check_format(value: object) -> None:
    if type(value) is not int or value != _FORMAT:
        raise _broken(f"format must be {_FORMAT}, not {value!r:.60}")


def _check_keys(fields: dict[str, Any], names: set[str]) -> None:
    if unknown := fields.keys() - names:
        raise _broken(f"unknown key {min(unknown)!r:.60}")
    if missing := names - fields.keys():
        raise _broken(f"key '{min(missing)}' is missing")


def _broken(what: str) -> HintError:
    return HintError(what, hint=_SHAPE)
