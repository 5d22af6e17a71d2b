"""Typed configuration: plain values of TOML or JSON checked against the types of their fields.

msgspec does the checking; an error names the path of the key, such as `crops.sizes[0]`.
"""

from __future__ import annotations

import typing
from typing import Any, TypeVar

import msgspec

from rechroma.errors import RecipeError, did_you_mean

_T = TypeVar("_T")
_UNKNOWN_FIELD = "Object contains unknown field "


def convert_values(values: object, kind: type[_T], key: str = "") -> _T:
    """Convert plain values to a type, strictly: lists become tuples, whole numbers floats.

    Args:
        values: Mappings, lists, strings, numbers and booleans.
        kind: A msgspec struct, or any type that msgspec converts to.
        key: The path of the values in their file, for error messages.

    Raises:
        RecipeError: A key is unknown, or a value has the wrong type or range.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        path = path.strip("`").removeprefix("$")
        where = f"{key}{path}".removeprefix(".")
        if not message.startswith(_UNKNOWN_FIELD):
            reason = message.replace("`", "")
            raise RecipeError(f"{where or 'recipe'}: {reason[0].lower()}{reason[1:]}") from error
        name = message.removeprefix(_UNKNOWN_FIELD).strip("`")
        section: Any = kind
        for part in filter(None, path.split(".")):
            section = typing.get_type_hints(section)[part]
        hint = did_you_mean(name, sorted(typing.get_type_hints(section)))
        raise RecipeError(
            f"{f'{where}.{name}'.removeprefix('.')}: unknown key", hint=hint
        ) from error


def require(option: str, fine: bool, must: str) -> None:
    """Check that a value is within its range.

    Raises:
        RecipeError: It is not; the message names the option and its range.
    """
    if not fine:
        raise RecipeError(f"network.options.{option}: must be {must}")
