"""Checks the settings that users give."""

from __future__ import annotations

from rechroma.errors import OptionError


def check_range(name: str, value: float, least: float, most: float) -> None:
    """See whether a setting makes sense.

    Raises:
        OptionError: It is not a number from `least` to `most`.
    """
    if not least <= value <= most:  # written so that NaN is refused too
        raise OptionError(f"{name} is {value:g}, and goes from {least:g} to {most:g}")
