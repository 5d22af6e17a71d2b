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
    assert "warning: photo.color.jpg: another program has removed" in result.stderr
    assert "nothing proves that the luma is the original's" in result.stderr


def test_damaged_result_is_an_error_and_nothing_is_written(
    run: Run, colored: Path, tmp_path: Path
) -> None:
    whole = colored.read_bytes()
    scan = whole.index(b"\xff\xda") + 14
    for damaged in (
        whole[: scan + 20],
        whole[: scan + 20] + bytes([whole[scan + 20] ^ 4]) + whole[scan + 21 :],
    ):
        colored.write_bytes(damaged)
        result = run("restore", colored.name)
        assert result.exit_code == 65
        assert "photo.color.jpg: the JPEG is damaged" in result.stderr
        assert [path.name for path in images_in(tmp_path)] == ["photo.color.jpg", "photo.jpg"]


class TestSeveral:
    @pytest.fixture
    def box(self, run: Run, photo: MakePhoto, model: str) -> Path:
        """A folder of three photographs, and of their results."""
        for number, name in enumerate("abc"):
            photo(f"box/{name}.jpg", size=(48, 32 + number))
        words = ("box/a.jpg", "box/b.jpg", "box/c.jpg", "--keep-luma", "--model", model)
        assert run(*words).exit_code == 0
        return Path("box")

    def test_targets_are_next_to_each(self, run: Run, box: Path) -> None:
        results = [box / f"{name}.color.jpg" for name in "abc"]
        assert run("restore", *results).exit_code == 0
        for name in "abc":
            original = (box / f"{name}.jpg").read_bytes()
            assert (box / f"{name}.gray.jpg").read_bytes() == original

    def test_folder_gets_the_names_of_the_originals(self, run: Run, box: Path) -> None:
        results = [box / f"{name}.color.jpg" for name in "abc"]
        assert run("restore", *results, "-o", "back/").exit_code == 0
        for name in "abc":
            assert Path("back", f"{name}.jpg").read_bytes() == (box / f"{name}.jpg").read_bytes()

    def test_error_in_one_does_not_stop_the_others(self, run: Run, box: Path) -> None:
        broken, whole = box / "a.color.jpg", box / "b.color.jpg"
        broken.write_bytes(broken.read_bytes()[:-200])
        broken.write_bytes(broken.read_bytes().replace(b"Rechroma luma", b"rechroma luma"))
        result = run("restore", broken, box / "none.jpg", whole)
        assert result.exit_code == 1
        assert "a.color.jpg: the JPEG is damaged" in result.stderr
        assert "none.jpg" in result.stderr
        assert not (box / "a.gray.jpg").exists()
        assert (box / "b.gray.jpg").read_bytes() == (box / "b.jpg").read_bytes()

    def test_one_output_file_for_several_is_rejected(self, run: Run, box: Path) -> None:
        result = run("restore", box / "a.color.jpg", box / "b.color.jpg", "-o", "out.jpg")
        assert result.exit_code == 2
        assert "-o out/" in result.stderr

    def test_no_file_takes_the_place_of_another(self, run: Run, box: Path) -> None:
        other = box / "other" / "a.color.jpg"
        other.parent.mkdir()
        other.write_bytes((box / "b.color.jpg").read_bytes())
        for words in (
            ("restore", box / "a.color.jpg", other, "-o", "out", "--overwrite"),
            ("restore", box / "a.color.jpg", box / "a.jpg", "-o", box, "--overwrite"),
        ):
            result = run(*words)
            assert result.exit_code == 2
            assert "in the place of" in result.stderr
        assert not Path("out").exists()


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


def test_restoring_in_a_pipe(run: Run, colored: Path) -> None:
    original = colored.with_name("photo.jpg").read_bytes()
    result = run("restore", "-", stdin=colored.read_bytes())
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, original, "")
    assert run("restore", colored.name, "-o", "-").stdout_bytes == original
    assert run("restore", "-", "-o", "back.jpg", stdin=colored.read_bytes()).exit_code == 0
    assert colored.with_name("back.jpg").read_bytes() == original


def test_pipe_reports_errors(run: Run, colored: Path) -> None:
    whole = colored.read_bytes()
    damaged = run("restore", "-", stdin=whole[: whole.index(b"\xff\xda") + 40])
    assert (damaged.exit_code, damaged.stdout_bytes) == (65, b"")
    assert "stdin: " in damaged.stderr
    assert run("restore", "-", colored.name, stdin=b"").exit_code == 2
    assert run("restore", "-", "-o", ".", stdin=b"").exit_code == 2


def test_suffix_of_another_format_is_explained(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    photo("photo.jpg").rename(tmp_path / "photo.png")
    refused = run("photo.png", "--keep-luma", "--model", model)
    assert refused.exit_code == 2
    assert "the suffix of the name makes the result a PNG" in refused.stderr
    assert "--format jpg" in refused.stderr
    words = ("photo.png", "--keep-luma", "--model", model, "--format", "jpg")
    assert run(*words).exit_code == 0
    assert (tmp_path / "photo.color.jpg").exists()


@pytest.mark.parametrize("words", [["--format", "png"], ["--badge"], ["-o", "out.png"]])
def test_options_that_contradict_it_are_rejected(
    run: Run, photo: MakePhoto, model: str, words: list[str], tmp_path: Path
) -> None:
    photo("photo.jpg")
    result = run("photo.jpg", "--keep-luma", "--model", model, *words)
    assert result.exit_code == 2
    assert [path.name for path in images_in(tmp_path)] == ["photo.jpg"]
