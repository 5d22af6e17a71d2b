"""Project files: their content, and the photographs they belong to."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from rechroma.errors import ProjectError, SourceError
from rechroma.hints import Hint
from rechroma.options import Adjustments
from rechroma.project import ImageEdit, assign_edits, read_project

CONTENT = b"not read as an image here"
ENTRY: dict[str, Any] = {"name": "a.jpg", "size": len(CONTENT)}


def write(folder: Path, *images: object, **more: object) -> Path:
    path = folder / "box.json"
    path.write_text(json.dumps({"format": 1, "images": images} | more))
    return path


def test_everything_that_a_user_changed_is_read(tmp_path: Path) -> None:
    full = ENTRY | {
        "sha256": sha256(CONTENT).hexdigest(),
        "model": "violet",
        "adjustments": {"saturation": 1.5, "warmth": -0.25},
        "hints": [{"x": 0.5, "y": 0.25, "color": "#c04030", "only_here": True}],
    }
    edited, plain = read_project(write(tmp_path, full, ENTRY))
    assert edited.model == "violet"
    assert edited.options() == {
        "saturation": 1.5,
        "warmth": -0.25,
        "blend": 1.0,
        "hints": (Hint(0.5, 0.25, "#c04030", only_here=True),),
    }
    assert plain == ImageEdit(name="a.jpg", size=len(CONTENT), adjustments=Adjustments())


@pytest.mark.parametrize(
    ("images", "more", "words"),
    [
        ([ENTRY], {"format": 2}, '"format" must be 1, not 2'),
        ([ENTRY], {"hints": []}, 'unknown key "hints"'),
        ([], {}, "no photographs"),
        ([{"name": "a.jpg"}], {}, 'photograph 1: missing key "size"'),
        ([ENTRY, ENTRY | {"name": 3}], {}, 'photograph 2: "name" must be a file name'),
        ([ENTRY | {"size": -1}], {}, '"size" must be a number of bytes'),
        ([ENTRY | {"sha256": "9F"}], {}, '"sha256" must have 64 digits'),
        ([ENTRY | {"model": "../x"}], {}, '"model" must be the name'),
        ([ENTRY | {"saturation": 2}], {}, 'unknown key "saturation"'),
        ([ENTRY | {"adjustments": {"saturation": 9}}], {}, "saturation must be 0 to 3, not 9"),
        ([ENTRY | {"adjustments": {"warmht": 0}}], {}, "unknown option 'warmht'"),
        ([ENTRY | {"hints": [{"x": 2, "y": 0, "color": "#c04030"}]}], {}, "hint 1: x must be"),
        (["a.jpg"], {}, "photograph 1: must be an object"),
    ],
)
def test_invalid_content_is_located(
    tmp_path: Path, images: list[object], more: dict[str, object], words: str
) -> None:
    path = write(tmp_path, *images, **more)
    with pytest.raises(ProjectError) as caught:
        read_project(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert words in caught.value.message


def test_file_that_is_no_project_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text("Dear aunt")
    with pytest.raises(ProjectError, match="not JSON"):
        read_project(tmp_path / "note.json")
    with pytest.raises(SourceError, match="No such file"):
        read_project(tmp_path / "nothing.json")


def test_edits_belong_to_names_and_contents(tmp_path: Path) -> None:
    first, second = tmp_path / "1" / "a.jpg", tmp_path / "2" / "a.jpg"
    for path, content in ((first, b"one"), (second, b"two")):
        path.parent.mkdir()
        path.write_bytes(content)
    edits = [
        ImageEdit(name="a.jpg", size=3, sha256=sha256(content).hexdigest(), model=model)
        for content, model in ((b"two", "second"), (b"one", "first"))
    ]
    found = assign_edits(edits, [first, second])
    assert {path.parent.name: edit.model for path, edit in found.items()} == {
        "1": "first",
        "2": "second",
    }
    with pytest.raises(ProjectError, match=r"missing: a\.jpg$"):
        assign_edits(edits, [first])
    first.write_bytes(b"six")
    with pytest.raises(ProjectError, match="not the file that the project was saved with"):
        assign_edits(edits, [first, second])
    with pytest.raises(ProjectError, match=r"b\.jpg: not a photograph of the project"):
        assign_edits(edits, [tmp_path / "b.jpg"])


def test_accents_are_compared_as_text(tmp_path: Path) -> None:
    path = tmp_path / "e\u0301te.jpg"  # as macOS spells it
    path.write_bytes(CONTENT)
    assert assign_edits([ImageEdit(name="\u00e9te.jpg", size=len(CONTENT))], [path])
