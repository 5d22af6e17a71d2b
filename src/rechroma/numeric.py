"""Checks numbers that users give."""

from __future__ import annotations

from numbers import Integral, Real

from rechroma.errors import OptionError


def check_whole(name: str, value: int, low: int, high: int | None) -> None:
    """See whether a setting is a whole number in a range; see :func:`check_range`."""
    if not isinstance(value, Integral):
        raise OptionError(f"{name} must be a whole number, not {value!r}")
    check_range(name, value, low, high)


def check_range(name: str, value: float, low: float, high: float | None) -> None:
    """See whether a setting makes sense.

    Args:
        name: The setting, as its user knows it.
        value: What was given.
        low: The least that it may be.
        high: The most; None for any above.

    Raises:
        OptionError: It is no number, or not within the range.
    """
    if not isinstance(value, Real):
        raise OptionError(f"{name} must be a number, not {value!r}")
    if not value >= low or (high is not None and not value <= high):  # a NaN is refused, too
        wanted = f"at least {low}" if high is None else f"{low} to {high}"
        raise OptionError(f"{name} must be {wanted}, not {value}")
