"""Errors about images, hints and names come with a hint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import MakePhoto, Run, is_colored

ANIMATED = ("box.tif", "box.gif", "box.png", "box.webp")


def assert_hint(run: Run, *words: str, error: str) -> str:
    message, hint = run(*words).stderr.splitlines()
    assert message.startswith("rechroma: error: ")
    assert error in message
    assert hint.startswith("hint: ")
    return hint


def test_missing_hints_file_gets_a_hint(run: Run, photo: MakePhoto, model: str) -> None:
    photo("p.png")
    Path("folder").mkdir()
    for name in ("none.json", "folder"):
        hint = assert_hint(run, "p.png", "--hints", name, "--model", model, error=f"{name}: ")
        assert "JSON" in hint


def test_hint_coordinates_in_pixels_get_a_hint(
    run: Run, photo: MakePhoto, hinted_model: str
) -> None:
    photo("p.png")
    hints = {"format": 1, "hints": [{"x": 40, "y": 3, "color": "#c04030"}]}
    Path("h.json").write_text(json.dumps(hints))
    hint = assert_hint(run, "p.png", "--hints", "h.json", "--model", hinted_model, error="not 40")
    assert "by the width" in hint


def test_hints_are_no_project(run: Run, photo: MakePhoto, hinted_model: str) -> None:
    photo("p.png")
    Path("p.json").write_text('{"format": 1, "images": [{"name": "p.png", "size": 1}]}')
    Path("h.json").write_text('{"format": 1, "hints": []}')
    project = ("p.png", "--hints", "p.json", "--model", hinted_model)
    assert "--project" in assert_hint(run, *project, error="p.json: this is a project")
    hints = ("p.png", "--project", "h.json", "--model", hinted_model)
    assert "--hints" in assert_hint(run, *hints, error="h.json: this is a file of hints")


def test_decimal_comma_gets_advice(run: Run, photo: MakePhoto) -> None:
    photo("p.png")
    refused = run("p.png", "--saturation", "1,3")
    assert refused.exit_code == 2
    assert "'1,3' has a comma: write 1.3" in refused.stderr


def test_folder_in_other_case_is_suggested(run: Run) -> None:
    Path("Scans").mkdir()
    refused = run("scans")
    if Path("scans").exists():
        pytest.skip("the file system ignores case")
    assert refused.exit_code == 2
    assert "Did you mean 'Scans'?" in refused.stderr


def test_empty_and_tiny_images_get_a_hint(run: Run, model: str) -> None:
    Path("empty.jpg").touch()
    Image.new("L", (1, 1)).save("one.png")
    assert "again" in assert_hint(run, "empty.jpg", "--model", model, error="the file is empty")
    assert "at least 2" in assert_hint(run, "one.png", "--model", model, error="too few to color")


def test_folder_without_images_gets_a_hint(run: Run) -> None:
    Path("folder").mkdir()
    hint = assert_hint(run, "folder", error="no images in this folder")
    assert ".jpg" in hint
    assert "earlier results" in hint


@pytest.mark.parametrize("name", ANIMATED)
def test_further_pages_give_a_warning(run: Run, photo: MakePhoto, model: str, name: str) -> None:
    with Image.open(photo("one.png")) as page:
        other = Image.fromarray(255 - np.asarray(page))
        page.save(name, save_all=True, append_images=[other, page])
    result = run(name, "-o", "out", "--model", model)
    assert result.exit_code == 0
    warning, report = result.stderr.splitlines()
    expected = f"rechroma: warning: {name}: colored only the first of 3 pages or frames ("
    assert warning.startswith(expected)
    assert f"{name} -> " in report
    again = run(name, "-o", "out", "--model", model)  # nothing to do, but pages are still missing
    assert again.stderr.splitlines()[0] == warning
    assert run(name, "-o", "quiet", "--quiet", "--model", model).stderr == ""
    as_json = run(name, "-o", "json", "--json", "--quiet", "--model", model)
    assert json.loads(as_json.stdout)["pages"] == 3
    piped = run("-", "--model", model, "-o", "piped.png", stdin=Path(name).read_bytes())
    assert "warning: stdin: colored only the first of 3 pages or frames" in piped.stderr


def test_all_pages_are_colored_without_a_warning(run: Run, photo: MakePhoto, model: str) -> None:
    with Image.open(photo("one.png")) as page:
        page.save("scan.tif", save_all=True, append_images=[page, page])
    result = run("scan.tif", "one.png", "-o", "out", "--pages", "all", "--model", model)
    assert result.exit_code == 0
    assert "2 colored" in result.stderr
    assert "warning" not in result.stderr
    piped = run("-", "--pages", "2-3", "--model", model, stdin=Path("scan.tif").read_bytes())
    Path("piped.tif").write_bytes(piped.stdout_bytes)
    for name, count in (("out/scan.tif", 3), ("piped.tif", 2)):
        with Image.open(name) as made:
            assert getattr(made, "n_frames", 1) == count
    assert run("scan.tif", "--pages", "0", "--model", model).exit_code == 2


@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("GIF", "png")]
)
def test_image_without_a_suffix_gets_that_of_its_format(
    run: Run, photo: MakePhoto, model: str, kind: str, suffix: str
) -> None:
    with Image.open(photo("one.png")) as page:
        page.save("scan", kind)
    assert run("scan", "--model", model).exit_code == 0
    assert is_colored(Path(f"scan.color.{suffix}"))
    assert "already exists" in run("scan", "--model", model).stderr
    assert run("scan", "-o", "out", "--model", model).exit_code == 0
    assert is_colored(Path(f"out/scan.{suffix}"))


@pytest.mark.parametrize(
    ("content", "error"), [(b"", "the file is empty"), (b"Dear Ada", "a text file, not a photo")]
)
def test_file_without_a_suffix_must_be_an_image(
    run: Run, model: str, content: bytes, error: str
) -> None:
    Path("letter").write_bytes(content)
    assert_hint(run, "letter", "--model", model, error=error)
    assert list(Path().iterdir()) == [Path("letter")]


def test_a_web_page_in_place_of_a_photograph_is_named(run: Run, model: str) -> None:
    Path("photo.jpg").write_bytes(b"<!doctype html><html><body>Log in.</body></html>")
    error = "photo.jpg: this is a web page, not a photograph"
    hint = assert_hint(run, "photo.jpg", "--model", model, error=error)
    assert "download that itself" in hint
    assert run("photo.jpg", "--model", model).exit_code == 65
    assert list(Path().iterdir()) == [Path("photo.jpg")]
