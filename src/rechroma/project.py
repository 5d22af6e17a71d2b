"""Projects: what a user changed in each of several photographs, as one JSON file.

The page saves it, and `rechroma colorize --project` applies it. It has no pictures: each photograph
is known by the name, the size and the hash of its file. Keys other than these are errors::

    {"format": 1, "images": [{"name": "a.jpg", "size": 81234, "sha256": "9f86d081884c7d65...",
                              "model": "rechroma-5", "adjustments": {"saturation": 1.2},
                              "hints": [{"x": 0.4, "y": 0.3, "color": "#c04030"}]}]}
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from rechroma.errors import OptionError, ProjectError, SourceError, error_context
from rechroma.fs import file_sha256
from rechroma.hints import Hint, parse_hints
from rechroma.json_reader import JsonReader, show_json
from rechroma.options import Adjustments, check_keywords

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_JSON = JsonReader(
    ProjectError,
    version=1,
    about="A project is a JSON file that the page saves.",
    example='Example: {"format": 1, "images": [{"name": "a.jpg", "size": 81234, '
    '"adjustments": {"saturation": 1.2}}]}',
)
_MAX_NAMES = 5  # in an error message


@dataclass(frozen=True, kw_only=True)
class ImageEdit:
    """What a user changed in one photograph.

    Attributes:
        name: The name of its file, without folders.
        size: The size of its file in bytes.
        sha256: The SHA-256 of its file in lower-case hexadecimal; None if unknown.
        model: The name of a model; None for the default one.
        adjustments: Adjustments of its colors.
        hints: Colors fixed at points.
    """

    name: str
    size: int
    sha256: str | None = None
    model: str | None = None
    adjustments: Adjustments = field(default_factory=Adjustments)
    hints: tuple[Hint, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ProjectError(f'"name" must be a file name, not {show_json(self.name)}')
        if type(self.size) is not int or self.size < 0:
            raise ProjectError(f'"size" must be a number of bytes, not {show_json(self.size)}')
        if self.sha256 is not None and not _matches("[0-9a-f]{64}", self.sha256):
            raise ProjectError(f'"sha256" must have 64 digits, not {show_json(self.sha256)}')
        if self.model is not None and not _matches(r"[\w.-]+", self.model):
            raise ProjectError(f'"model" must be the name of one, not {show_json(self.model)}')

    def options(self) -> dict[str, Any]:
        """The keyword arguments of :meth:`rechroma.Colorizer.colorize_file` that it sets."""
        return {**asdict(self.adjustments), "hints": self.hints}

    def is_of(self, path: Path) -> bool:
        """Return whether a file is the one that was edited, by its size and its hash.

        Raises:
            SourceError: The file is not readable.
        """
        try:
            if path.stat().st_size != self.size:
                return False
            if self.sha256 is None:
                return True
            return file_sha256(path) == self.sha256
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error


def read_project(path: str | os.PathLike[str]) -> tuple[ImageEdit, ...]:
    """Read a project file.

    Raises:
        SourceError: The file is missing or not readable.
        ProjectError: The content is invalid; the message names the position.
    """
    content = _JSON.read(path)
    with error_context(path):
        found = _JSON.parse(content)
        if "hints" in found and "images" not in found:
            raise ProjectError(
                "this is a file of hints, not a project",
                hint="'rechroma colorize --hints' applies it to one photograph.",
            )
        _JSON.check_keys(found, ("format", "images"))
        images = _JSON.check_list("images", found["images"])
        if not images:
            raise ProjectError("there are no photographs in the project")
        return tuple(_parse_image(item, number) for number, item in enumerate(images, 1))


def assign_edits(project: Sequence[ImageEdit], paths: Iterable[Path]) -> dict[Path, ImageEdit]:
    """Find the edit of each photograph, by the name and the content of its file.

    Raises:
        ProjectError: A photograph is not in the project, differs from the one that was edited, or
            is missing.
        SourceError: A photograph is not readable.
    """
    edits_of = defaultdict(list)
    for edit in project:
        edits_of[normalize("NFC", edit.name)].append(edit)
    found = {}
    for path in paths:
        name = normalize("NFC", path.name)
        if name not in edits_of:
            raise ProjectError(
                f"{path}: not a photograph of the project",
                hint="Add it in the page and save the project again, or leave it out here.",
            )
        found[path] = _take_edit(edits_of[name], path)
    if missing := [edit.name for edits in edits_of.values() for edit in edits]:
        names = ", ".join(missing[:_MAX_NAMES]) + (" ..." if len(missing) > _MAX_NAMES else "")
        raise ProjectError(
            f"photographs of the project are missing: {names}",
            hint="Name all photographs of the project, or save a project without these.",
        )
    return found


def _take_edit(edits: list[ImageEdit], path: Path) -> ImageEdit:
    """Remove and return the edit of a photograph from those with its name."""
    edit = next((edit for edit in edits if edit.is_of(path)), None)
    if edit is None:
        raise ProjectError(
            f"{path}: not the file that the project was saved with",
            hint="Use the original, or open the project in the page and save it with this file.",
        )
    edits.remove(edit)
    return edit


def _parse_image(item: object, number: int) -> ImageEdit:
    with error_context(f"photograph {number}"):
        found = _JSON.check_object(item)
        optional = [each.name for each in fields(ImageEdit) if each.name not in ("name", "size")]
        _JSON.check_keys(found, ("name", "size"), tuple(optional))
        adjustments = _JSON.check_object(found.get("adjustments", {}))
        try:
            check_keywords(adjustments, Adjustments)
            parsed = {
                "adjustments": Adjustments(**adjustments),
                "hints": parse_hints(found.get("hints", [])),
            }
        except OptionError as error:  # of the file, not of the command line
            raise ProjectError(error.message, hint=error.hint) from error
        return ImageEdit(**found | parsed)


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None
