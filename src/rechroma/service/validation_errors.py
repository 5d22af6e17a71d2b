"""Validation errors as plain sentences with the allowed values, in place of pydantic's wording."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_MAX_NAME = 40  # characters of a field's name, which the client can choose
_TYPES: dict[Any, str] = {
    bool: "true or false",
    bytes: "a file in base64, or a data URL of one",
    dict: "a JSON object",
    list: "a list with at least one item",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most"}


def explain(error: ValidationError, model: type[BaseModel]) -> dict[str, str]:
    """Describe each invalid field in a sentence.

    The values are not repeated: they can be images or passwords.

    Args:
        error: The error.
        model: The model that was validated.

    Returns:
        The sentences, by the path of the field.
    """
    details = error.errors(include_url=False, include_input=False, include_context=False)
    paths = (".".join(str(part)[:_MAX_NAME] for part in each["loc"]) for each in details)
    return {path: _sentence(each, model, path) for path, each in zip(paths, details, strict=True)}


def _sentence(detail: ErrorDetails, model: type[BaseModel], name: str) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    match detail["type"]:
        case "json_invalid":
            return "it is not valid JSON"
        case "model_type":
            return f"{name or 'it'} must be a JSON object"
        case "missing":
            return f"{name} is required"
        case "extra_forbidden":
            return f"{name} is not known"
        case "string_pattern_mismatch":
            return f"{name} is not of the expected form"
        case "value_error":
            return f"{name}: {message}"
    field = _find_field(model, detail["loc"])
    expected = None if field is None else _describe(field)
    return f"{name} must be {expected}" if expected else f"{name}: {message}"


def _find_field(model: type[BaseModel], path: tuple[int | str, ...]) -> FieldInfo | None:
    field = None
    for part in path:
        if isinstance(part, str):
            field = model.model_fields.get(part)
            if field is None:
                return None
            nested = [each for each in get_args(field.annotation) if isinstance(each, type)]
            model = next((each for each in nested if issubclass(each, BaseModel)), model)
    return field


def _describe(field: FieldInfo) -> str | None:
    kind: Any = field.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if words := _TYPES.get(get_origin(kind) or kind):
        return words
    bounds = {
        name: getattr(item, name)
        for item in field.metadata
        for name in ("ge", "gt", "le", "max_length")
        if getattr(item, name, None) is not None
    }
    if kind is str and "max_length" in bounds:
        return f"a text of at most {bounds['max_length']} characters"
    if kind not in (int, float):
        return None
    limits = [f"{_BOUNDS[name]} {_number(value)}" for name, value in bounds.items()]
    if {"ge", "le"} <= bounds.keys():
        limits = [f"from {_number(bounds['ge'])} to {_number(bounds['le'])}"]
    noun = "a whole number" if kind is int else "a number"
    return " ".join([noun, " and ".join(limits)]).strip()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"
