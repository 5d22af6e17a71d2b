"""Options of networks: whether what a recipe says fits a configuration."""

from __future__ import annotations

import math
import typing
from typing import TYPE_CHECKING, Any

from rechroma.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def _is_whole(value: object) -> bool:
    return type(value) is int  # which true and false are not


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


_KINDS: dict[type, tuple[str, Callable[[object], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", _is_whole),
    float: ("a number", _is_number),
    str: ("a word", lambda value: isinstance(value, str)),
}


def fitting_options(config: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the fields of a configuration take them: lists become tuples.

    Args:
        config: The dataclass; each of the options is a field of it.
        options: Values by name, as TOML or JSON gives them.

    Raises:
        RecipeError: A value is of another type than its field, or a list of another length.
    """
    hints = typing.get_type_hints(config)
    return {name: _fitting(name, hints[name], value) for name, value in options.items()}


def require(option: str, fine: bool, must: str) -> None:
    """Refuse a value outside its range.

    Raises:
        RecipeError: It is not fine; the message names the option and says what it must be.
    """
    if not fine:
        raise RecipeError(f"network.options.{option}: must be {must}")


def _fitting(name: str, hint: Any, value: Any) -> Any:  # noqa: ANN401 - of any type
    if typing.get_origin(hint) is tuple:
        return _fitting_list(name, len(typing.get_args(hint)), value)
    expected, fits = _KINDS[hint]
    if not fits(value):
        raise _unfit(name, expected, value)
    return value


def _fitting_list(name: str, count: int, value: Any) -> tuple[int, ...]:  # noqa: ANN401
    items = value if isinstance(value, (list, tuple)) else ()
    if len(items) != count or not all(map(_is_whole, items)):
        raise _unfit(name, f"{_COUNTS[count]} whole numbers", value)
    return tuple(items)


def _unfit(name: str, expected: str, value: object) -> RecipeError:
    return RecipeError(f"network.options.{name}: expected {expected}, got {value!r}")
