"""`--keep-luma` and `rechroma restore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import MakePhoto, Run, images_in, is_colored
from tests.support.gray_jpegs import join, split


@pytest.fixture
def colored(run: Run, photo: MakePhoto, model: str) -> Path:
    """A result of `--keep-luma`."""
    source = photo("photo.jpg")
    assert run("photo.jpg", "--keep-luma", "--model", model).exit_code == 0
    return source.with_name("photo.color.jpg")


def test_color_is_added_and_taken_away(run: Run, colored: Path) -> None:
    assert is_colored(colored)
    result = run("restore", colored.name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "photo.color.jpg -> photo.gray.jpg" in result.stderr
    original = colored.with_name("photo.jpg")
    assert colored.with_name("photo.gray.jpg").read_bytes() == original.read_bytes()


def test_target_is_replaced_on_request_only(run: Run, colored: Path) -> None:
    original = colored.with_name("photo.jpg")
    before = original.read_bytes()
    refused = run("restore", colored.name, "-o", "photo.jpg")
    assert refused.exit_code == 73
    assert "already exists" in refused.stderr
    original.write_bytes(b"other")
    assert run("restore", colored.name, "-o", "photo.jpg", "--overwrite").exit_code == 0
    assert original.read_bytes() == before


def test_restoring_without_the_record_says_so(run: Run, colored: Path) -> None:
    segments, rest = split(colored.read_bytes())
    colored.write_bytes(join([each for each in segments if each.kind != 0xE9], rest))
    result = run("restore", colored.name)
    assert result.exit_code == 3
    assert "warning: photo.gray.jpg: has the luma of the original" in result.stderr


def test_file_without_kept_luma_is_refused(run: Run, photo: MakePhoto) -> None:
    photo("photo.jpg")
    result = run("restore", "photo.jpg")
    assert result.exit_code == 65
    assert "photo.jpg: there is no kept luma" in result.stderr


def test_folder_reports_the_files_that_are_no_gray_jpegs(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for name in ("box/a.jpg", "box/b.png", "box/c.jpg"):
        photo(name)
    result = run("box", "-o", "out", "--keep-luma", "--model", model)
    assert result.exit_code == 1
    assert "b.png: only a gray JPEG has luma that can be kept" in result.stderr
    assert [path.name for path in images_in(tmp_path / "out")] == ["a.jpg", "c.jpg"]


def test_pipe(run: Run, photo: MakePhoto, model: str, tmp_path: Path) -> None:
    source = photo("photo.jpg")
    result = run("-", "--keep-luma", "--model", model, stdin=source.read_bytes())
    assert result.exit_code == 0
    (tmp_path / "piped.jpg").write_bytes(result.stdout_bytes)
    assert run("restore", "piped.jpg", "-o", "back.jpg").exit_code == 0
    assert (tmp_path / "back.jpg").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("words", [["--format", "png"], ["--badge"], ["-o", "out.png"]])
def test_options_that_contradict_it_are_rejected(
    run: Run, photo: MakePhoto, model: str, words: list[str], tmp_path: Path
) -> None:
    photo("photo.jpg")
    result = run("photo.jpg", "--keep-luma", "--model", model, *words)
    assert result.exit_code == 2
    assert [path.name for path in images_in(tmp_path)] == ["photo.jpg"]
