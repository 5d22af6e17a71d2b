"""Reading of JSON that users write or save, with errors that name the position and an example."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rechroma.errors import SourceError

if TYPE_CHECKING:
    import os

    from rechroma.errors import RechromaError


@dataclass(frozen=True)
class JsonReader:
    """Reads and checks one kind of JSON file.

    Attributes:
        error: The class of errors about its content.
        version: The supported value of its key "format".
        about: What the file is, for an error if it is missing.
        example: A valid content, in one line, for errors about the content.
    """

    error: type[RechromaError]
    version: int
    about: str
    example: str

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """Read a file.

        Raises:
            SourceError: It is missing or not readable.
        """
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}", hint=self.about) from error
        except ValueError as error:  # a NUL in the name
            raise SourceError(f"{path!r}: {error}") from error

    def parse(self, text: str | bytes) -> dict[str, Any]:
        """Parse an object of the supported version; bytes in UTF-8. Raises `error`."""
        try:
            content = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        except UnicodeDecodeError as error:
            raise self._fail("not text in UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise self._fail(f"not JSON ({error})") from error
        fields = self.check_object(content)
        version = fields.get("format", self.version)
        if type(version) is not int or version != self.version:
            raise self._fail(f'"format" must be {self.version}, not {show_json(version)}')
        return fields

    def check_object(self, value: object) -> dict[str, Any]:
        """Return a value that must be an object. Raises `error`."""
        if not isinstance(value, dict):
            raise self._fail(f"must be an object, not {show_json(value)}")
        return value

    def check_list(self, name: str, value: object) -> list[Any]:
        """Return a value that must be a list. Raises `error`."""
        if not isinstance(value, list):
            raise self._fail(f'"{name}" must be a list, not {show_json(value)}')
        return value

    def check_keys(
        self, fields: dict[str, Any], names: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> None:
        """Check that an object has the keys `names` and, besides, only `optional` ones.

        Raises `error`.
        """
        expected = f"expected {', '.join(names)}"
        if optional:
            expected += f"; optional: {', '.join(optional)}"
        if unknown := fields.keys() - {*names, *optional}:
            raise self._fail(f"unknown key {show_json(min(unknown))}; {expected}")
        if missing := [name for name in names if name not in fields]:
            raise self._fail(f"missing key {show_json(missing[0])}; {expected}")

    def _fail(self, message: str) -> RechromaError:
        return self.error(message, hint=self.example)


def show_json(value: object) -> str:
    """Show a value as its JSON file has it, shortened to 60 characters."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):  # a value from Python that JSON does not have
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
