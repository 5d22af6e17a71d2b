"""`rechroma colorize` for users and scripts."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rechroma.cli.batch_run import BatchSummary, FileResult, Status
from rechroma.color.render import render_srgb
from rechroma.errors import EngineError, RechromaError
from tests.support.command import (
    MakePhoto,
    Run,
    Shell,
    images_in,
    is_colored,
    running_as_root,
)
from tests.support.models import write_model

CORRUPT = b"\xff\xd8\xff\xe0 this only begins like a photograph"


@pytest.fixture
def ten(photo: MakePhoto) -> list[Path]:
    """A folder `box` of ten photographs; the fifth is broken."""
    paths = [photo(f"box/{number}.png") for number in range(10)]
    paths[4].write_bytes(CORRUPT)
    return paths


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_result_is_written_next_to_the_photo(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("photo.jpg")
    before = source.read_bytes()
    result = run("colorize", "photo.jpg", "--model", model)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "photo.jpg -> photo.color.jpg" in result.stderr
    assert is_colored(source.with_name("photo.color.jpg"))
    assert source.read_bytes() == before


def test_folder_keeps_its_tree_names_and_formats(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for name in ("box/a.jpg", "box/b/c.PNG", "box/b/d.tif", "box/b/e/f.webp"):
        photo(name)
    (tmp_path / "box/notes.txt").write_text("not a photo")
    assert run("box", "-o", "out", "--model", model).exit_code == 0
    made = {p.relative_to(tmp_path / "out") for p in tmp_path.glob("out/**/[!.]*.*")}
    assert {path.as_posix() for path in made} == {"a.jpg", "b/c.PNG", "b/d.tif", "b/e/f.webp"}
    for path in made:
        assert is_colored(tmp_path / "out" / path)
        with Image.open(tmp_path / "box" / path) as a, Image.open(tmp_path / "out" / path) as b:
            assert (a.format, a.size) == (b.format, b.size)


def test_quoted_pattern_is_expanded(
    shell: Shell, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for name in ("box/a.jpg", "box/b/a.jpg", "box/b/c.png"):
        photo(name)
    done = shell("box/**/*.jpg", "-o", "out", "--model", model)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.glob("out/**/[!.]*.*")) == ["a.jpg", "a.jpg"]


def test_bad_file_does_not_stop_the_others(run: Run, ten: list[Path], model: str) -> None:
    result = run("box", "--model", model)
    assert result.exit_code == 1
    assert "9 colored, 1 failed" in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert line.startswith("rechroma: error: box/4.png")
    made = [path.with_name(f"{path.stem}.color.png") for path in ten]
    assert [path.exists() for path in made] == [number != 4 for number in range(10)]


def test_no_temporary_files_are_left(run: Run, ten: list[Path], model: str) -> None:
    run("box", "--model", model)
    assert len(images_in(ten[0].parent)) == 10 + 9


@pytest.mark.usefixtures("ten")
def test_json_prints_a_line_per_file(run: Run, model: str) -> None:
    run("box/0.png", "--model", model)
    result = run("box", "gone.jpg", "--json", "--model", model)
    reports = {line["source"]: line for line in lines(result.stdout)}
    assert set(reports) == {*(f"box/{number}.png" for number in range(10)), "gone.jpg"}
    assert reports["box/1.png"] == {
        "source": "box/1.png",
        "target": "box/1.color.png",
        "status": "done",
        "error": None,
        "message": None,
        "seconds": reports["box/1.png"]["seconds"],
        "width": 48,
        "height": 32,
        "was_color": False,
        "pages": 1,
        "damage": None,
        "unreadable_metadata": [],
    }
    assert reports["box/1.png"]["seconds"] > 0
    assert reports["box/0.png"]["status"] == "skipped"
    assert reports["box/4.png"]["status"] == "failed"
    assert reports["box/4.png"]["error"] == "BrokenImageError"
    assert "box/4.png" in reports["box/4.png"]["message"]
    assert reports["gone.jpg"]["error"] == "SourceError"
    assert reports["gone.jpg"]["target"] is None


def test_existing_results_are_skipped(run: Run, photo: MakePhoto, model: str) -> None:
    photo("box/a.png")
    photo("box/b.png")
    run("box", "--model", model)
    photo("box/c.png")
    made = photo("box/a.png").with_name("a.color.png")
    first = made.stat().st_mtime_ns
    again = run("box", "--model", model)
    assert again.exit_code == 0
    assert "1 colored, 2 already present" in again.stderr
    assert made.stat().st_mtime_ns == first


def test_finished_run_loads_no_model(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    photo("a.png")
    run("a.png", "--model", model)
    (tmp_path / "no.onnx").write_text("no model")
    assert run("a.png", "--model", "no.onnx").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [("--saturation 99", 2), ("--size 3", 2), ("--model nope", 78), ("--model gone.onnx", 78)],
)
def test_finished_run_still_checks_its_options(
    run: Run, photo: MakePhoto, model: str, words: str, code: int
) -> None:
    photo("a.png")
    run("a.png", "--model", model)
    assert run("a.png", "--model", model, *words.split()).exit_code == code


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_target_that_is_not_a_file_is_an_error(
    run: Run, photo: MakePhoto, model: str, kind: str
) -> None:
    made = photo("a.png").with_name("a.color.png")
    made.mkdir() if kind == "folder" else made.symlink_to("gone.png")
    result = run("a.png", "--model", model)
    assert result.exit_code == 73
    assert "a.color.png" in result.stderr
    assert made.is_dir() or made.is_symlink()


def test_overwrite_replaces_results(run: Run, photo: MakePhoto, model: str) -> None:
    made = photo("a.png").with_name("a.color.png")
    run("a.png", "--model", model)
    made.write_bytes(b"edited")
    result = run("a.png", "--model", model)
    assert result.exit_code == 0
    assert "a.color.png already exists (use --overwrite" in result.stderr
    assert made.read_bytes() == b"edited"
    assert run("a.png", "--overwrite", "--model", model).exit_code == 0
    assert is_colored(made)


def test_result_is_not_colored_again(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.color.png")
    result = run("a.color.png", "--json", "--model", model)
    assert result.exit_code == 0
    assert result.stderr.startswith("rechroma: a.color.png is a result already, skipped (")
    (line,) = lines(result.stdout)
    assert (line["source"], line["target"], line["status"]) == ("a.color.png", None, "skipped")
    assert list(source.parent.glob("*.png")) == [source]
    assert run("a.color.png", "--quiet").stderr == ""
    assert run("a.color.png", "-o", "b.png", "--model", model).exit_code == 0
    assert is_colored(source.with_name("b.png"))
    assert run("a.color.png", "--overwrite", "--model", model).exit_code == 0
    assert is_colored(source.with_name("a.color.color.png"))


def test_collisions_stop_before_anything_is_written(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    photo("a/photo.png")
    photo("b/photo.png")
    result = run("a/photo.png", "b/photo.png", "-o", "out", "--model", model)
    assert result.exit_code == 2
    assert "a/photo.png and b/photo.png would both become out/photo.png" in result.stderr
    assert "hint: Color them in two runs" in result.stderr
    assert not (tmp_path / "out").exists()


def test_originals_survive_overwrite(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("box/a.png")
    before = source.read_bytes()
    result = run("box", "-o", "box", "--overwrite", "--model", model)
    assert result.exit_code == 2
    assert source.read_bytes() == before


def test_equal_stems_in_a_folder_get_different_targets(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    photo("box/pal.gif", size=(20, 30))
    photo("box/pal.png", size=(30, 20))
    words = ("box", "-o", "out", "--model", model)
    assert run(*words).exit_code == 0
    for name, size in (("pal.gif.png", (20, 30)), ("pal.png", (30, 20))):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == size
    assert "0 colored, 2 already present" in run(*words).stderr


@pytest.mark.parametrize(
    "words", ["-o made.gif", "-o made.pdf", "-o made.png --format jpeg", "-o made.jpg --format png"]
)
def test_file_named_as_another_format_is_rejected(
    run: Run, photo: MakePhoto, model: str, words: str
) -> None:
    source = photo("a.png")
    for path in ("a.png", "-"):
        stdin = source.read_bytes()
        result = run(path, *words.split(), "--model", model, stdin=stdin)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"rechroma: error: {words.split()[1]}: ")
    assert list(source.parent.iterdir()) == [source]


def test_output_suffix_of_another_format_is_written(run: Run, photo: MakePhoto, model: str) -> None:
    made = photo("a.png").with_name("made.jpg")
    assert run("a.png", "-o", "made.jpg", "--model", model).exit_code == 0
    assert is_colored(made)
    with Image.open(made) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("name", ["jpeg", "JPG", ".jpg"])
def test_format_changes_format_and_suffix(
    run: Run, photo: MakePhoto, model: str, name: str
) -> None:
    source = photo("a.png")
    assert run("a.png", "--format", name, "--model", model).exit_code == 0
    with Image.open(source.with_name("a.color.jpg")) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("name", ["psd", "gif", ""])
def test_format_that_cannot_be_written_is_rejected(run: Run, photo: MakePhoto, name: str) -> None:
    photo("a.png")
    result = run("a.png", "--format", name)
    assert result.exit_code == 2
    assert f"cannot write the format '{name}'" in result.stderr
    assert "hint: Choose one of " in result.stderr


def test_gif_becomes_a_png(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.gif")
    assert run("a.gif", "--model", model).exit_code == 0
    assert is_colored(source.with_name("a.color.png"))


def test_higher_quality_makes_larger_files(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.jpg", size=(200, 160))
    sizes = []
    for quality in (30, 95):
        run("a.jpg", "-o", f"{quality}.jpg", "--quality", quality, "--model", model)
        sizes.append(source.with_name(f"{quality}.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_color_options_change_the_result(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.png")

    def spread(*options: str) -> float:
        assert run("a.png", "-o", "b.png", "--overwrite", "--model", model, *options).exit_code == 0
        with Image.open(source.with_name("b.png")) as image:
            pixels = np.asarray(image).astype(float)
        return float(np.ptp(pixels, axis=2).mean())

    plain = spread()
    assert spread("--saturation", "0.5") < 0.8 * plain
    assert spread("--blend", "0.5") < 0.8 * plain
    assert spread("--warmth", "-1") != spread("--warmth", "1")
    assert spread("--size", "64") == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize(
    "option", [("--saturation", "9"), ("--warmth", "2"), ("--blend", "nan"), ("--size", "3")]
)
def test_options_out_of_range_are_rejected(
    run: Run, photo: MakePhoto, model: str, option: tuple[str, str]
) -> None:
    photo("a.png")
    result = run("a.png", *option, "--model", model)
    assert result.exit_code == 2
    assert f"rechroma: error: {option[0][2:]} must be" in result.stderr


class TestHints:
    @pytest.fixture
    def hints(self, tmp_path: Path) -> Path:
        """A file with one hint: blue, left of the middle."""
        path = tmp_path / "hints.json"
        path.write_text('{"format": 1, "hints": [{"x": 0.25, "y": 0.5, "color": "#3040c0"}]}')
        return path

    @pytest.mark.parametrize("through", ["files", "pipe"])
    def test_hints_color_their_points(
        self, run: Run, photo: MakePhoto, hinted_model: str, hints: Path, through: str
    ) -> None:
        source = photo("a.png", size=(128, 96))
        path, stdin = ("a.png", None) if through == "files" else ("-", source.read_bytes())
        words = (path, "--hints", hints, "-o", "made.png", "--model", hinted_model)
        assert run(*words, stdin=stdin).exit_code == 0
        with Image.open(source.with_name("made.png")) as image:
            pixels = np.asarray(image).astype(int)
        for column, is_blue in ((32, True), (96, False)):
            red, _, blue = pixels[48, column]
            assert (blue > red) == is_blue

    def test_hints_for_several_images_are_rejected(
        self, run: Run, photo: MakePhoto, hinted_model: str, hints: Path
    ) -> None:
        folder = photo("box/a.png").parent
        photo("box/b.png")
        result = run("box", "--hints", hints, "--model", hinted_model)
        assert result.exit_code == 2
        assert "--hints applies to a single photograph, but 2 were given" in result.stderr
        assert len(images_in(folder)) == 2

    def test_model_without_hint_support_is_rejected(
        self, run: Run, photo: MakePhoto, model: str, hints: Path
    ) -> None:
        source = photo("a.png")
        result = run("a.png", "--hints", hints, "--model", model)
        assert result.exit_code == 69
        assert result.stderr.splitlines() == [
            "rechroma: error: the model tiny does not support hints",
            "hint: Choose one that does: see 'rechroma models list'.",
        ]
        assert not source.with_name("a.color.png").exists()

    @pytest.mark.parametrize(("content", "code"), [(None, 66), ("", 65), ('{"format": 2}', 65)])
    def test_unusable_hints_file_is_an_error(
        self, run: Run, photo: MakePhoto, hints: Path, content: str | None, code: int
    ) -> None:
        source = photo("a.png")
        hints.unlink() if content is None else hints.write_text(content)
        result = run("a.png", "--hints", "hints.json")
        assert result.exit_code == code
        assert result.stderr.startswith("rechroma: error: hints.json: ")
        assert not source.with_name("a.color.png").exists()


def test_no_provenance_omits_the_note(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.jpg")
    run("a.jpg", "-o", "with.jpg", "--model", model)
    run("a.jpg", "-o", "without.jpg", "--no-provenance", "--model", model)
    note = b"compositeWithTrainedAlgorithmicMedia"
    assert note in source.with_name("with.jpg").read_bytes()
    assert note not in source.with_name("without.jpg").read_bytes()


def test_badge_changes_only_the_corner(run: Run, photo: MakePhoto, model: str) -> None:
    source = photo("a.png", size=(200, 100))
    run("a.png", "-o", "plain.png", "--model", model)
    run("a.png", "-o", "marked.png", "--badge", "--model", model)
    plain, marked = (
        np.asarray(Image.open(source.with_name(name))) for name in ("plain.png", "marked.png")
    )
    changed = (plain != marked).any(axis=-1)
    assert changed[80:, 180:].any()
    changed[80:, 180:] = False
    assert not changed.any()


def test_max_pixels_limits_the_size(run: Run, photo: MakePhoto, model: str) -> None:
    photo("a.png", size=(40, 30))
    refused = run("a.png", "--max-pixels", "1199", "--model", model)
    assert refused.exit_code == 65
    assert "hint: Raise --max-pixels" in refused.stderr
    assert run("a.png", "--max-pixels", "1200", "--model", model).exit_code == 0


def test_jobs_do_not_change_the_results(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for number in range(12):
        photo(f"box/{number}.png", size=(40 + number, 30))
    assert run("box", "-o", "one", "--jobs", "1", "--model", model).exit_code == 0
    assert run("box", "-o", "four", "--jobs", "4", "--model", model).exit_code == 0
    for number in range(12):
        one, four = (tmp_path / folder / f"{number}.png" for folder in ("one", "four"))
        assert one.read_bytes() == four.read_bytes()


@pytest.mark.usefixtures("ten")
def test_quiet_prints_only_errors(run: Run, model: str) -> None:
    good = run("box/1.png", "--quiet", "--model", model)
    assert (good.exit_code, good.output) == (0, "")
    bad = run("box", "-q", "--model", model)
    assert len(bad.stderr.splitlines()) == 1


@pytest.mark.parametrize("fault", [ZeroDivisionError("by zero"), MemoryError(), EngineError("no")])
def test_unexpected_error_stops_one_image_only(
    run: Run, ten: list[Path], model: str, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail_for_the_small_one(gray: Any, chroma: Any) -> Any:
        if gray.shape == (10, 20):
            raise fault
        return render_srgb(gray, chroma)

    Image.new("L", (20, 10), 99).save(ten[4])
    monkeypatch.setattr("rechroma.colorizer.render_srgb", fail_for_the_small_one)
    result = run("box", "--model", model)
    assert result.exit_code == 1
    assert "9 colored, 1 failed" in result.stderr
    assert "rechroma: error: box/4.png: " in result.stderr


def test_failures_are_printed_with_the_name_of_the_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary = BatchSummary()
    for message in ("out of memory", "box/a.png: torn", "out/a.png is already present"):
        summary.add(FileResult("box/a.png", None, Status.FAILED, RechromaError(message)))
    summary.print_failures()
    assert capsys.readouterr().err.splitlines() == [
        "rechroma: error: box/a.png: out of memory",
        "rechroma: error: box/a.png: torn",
        "rechroma: error: box/a.png: out/a.png is already present",
    ]


def test_full_disk_stops_the_run(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        photo(f"box/{number:02}.png")
    (tmp_path / "out").mkdir()
    opened, open_path = [], Path.open

    def open_until_full(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if mode == "x+b":
            opened.append(path)
            if len(opened) > 3:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return open_path(path, mode, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_until_full)
        result = run("box", "-o", "out", "--jobs", "1", "--model", model)
    assert result.exit_code == 73
    assert "No space left on device" in result.stderr
    assert "stopped; 3 of 20 done; run the same command again to continue" in result.stderr
    assert len(opened) < 10
    assert len(images_in(tmp_path / "out")) == 3
    assert "17 colored, 3 already present" in run("box", "-o", "out", "--model", model).stderr


def test_odd_metadata_gives_no_warning(shell: Shell, tmp_path: Path, model: str) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\0\0\x10\0\0\0\xff\0"
    Image.new("L", (40, 30), 99).save(tmp_path / "a.jpg", exif=exif)
    done = shell("a.jpg", "-q", "--model", model)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_control_characters_in_names_are_escaped(run: Run, photo: MakePhoto, model: str) -> None:
    photo("\x1b[2Ja\n.png")
    photo("\x1b[2Jb\n.png").write_bytes(CORRUPT)
    for words in (("\x1b[2Ja\n.png",), (".", "--overwrite")):
        stderr = run(*words, "--model", model).stderr
        assert r"\x1b[2J" in stderr
        assert "\x1b" not in stderr


class TestSingleFailure:
    """Errors have two lines, and the exit code of their class."""

    @pytest.mark.parametrize(
        ("content", "code"), [(CORRUPT, 65), (b"", 65), (b"dear diary, today I\n" * 9, 65)]
    )
    def test_bad_bytes_are_rejected(
        self, run: Run, photo: MakePhoto, model: str, content: bytes, code: int
    ) -> None:
        source = photo("a.jpg")
        source.write_bytes(content)
        result = run("a.jpg", "--model", model)
        assert result.exit_code == code
        assert result.stderr.startswith("rechroma: error: a.jpg")
        assert "Traceback" not in result.output
        assert source.read_bytes() == content
        assert list(source.parent.iterdir()) == [source]

    def test_missing_file_is_an_error(self, run: Run) -> None:
        assert run("colorize", "gone.jpg").exit_code == 66

    def test_missing_file_does_not_stop_the_others(
        self, run: Run, photo: MakePhoto, model: str
    ) -> None:
        photo("a.png")
        result = run("gone.jpg", "a.png", "--model", model)
        assert result.exit_code == 1
        assert "gone.jpg: No such file or directory" in result.stderr
        assert "1 colored, 1 failed" in result.stderr

    def test_empty_folder_is_an_error(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "box").mkdir()
        assert run("box").exit_code == 66

    def test_missing_model_is_an_error(self, run: Run, photo: MakePhoto) -> None:
        photo("a.png")
        result = run("a.png", "--model", "gone.onnx")
        assert result.exit_code == 78
        assert "gone.onnx" in result.stderr

    def test_model_that_outputs_nan_is_an_error(
        self, run: Run, photo: MakePhoto, tmp_path: Path
    ) -> None:
        source = photo("a.png")
        write_model(tmp_path / "nan.onnx", ab=(float("nan"), 0.0))
        result = run("a.png", "--model", "nan.onnx")
        assert result.exit_code == 70
        assert "NaN" in result.stderr
        assert not source.with_name("a.color.png").exists()

    @pytest.mark.skipif(running_as_root(), reason="root may write everywhere")
    def test_read_only_folder_is_an_error(self, run: Run, photo: MakePhoto, model: str) -> None:
        folder = photo("box/a.png").parent
        folder.chmod(0o555)
        try:
            result = run("box", "--model", model)
        finally:
            folder.chmod(0o755)
        assert result.exit_code == 73
        assert len(list(folder.iterdir())) == 1

    def test_name_too_long_for_the_suffix_fails_alone(
        self, run: Run, photo: MakePhoto, model: str
    ) -> None:
        photo(f"box/{'x' * 250}.png")
        photo("box/a.png")
        result = run("box", "--model", model)
        assert result.exit_code == 1
        assert "1 colored, 1 failed" in result.stderr


class TestPipes:
    def test_stdin_to_stdout(self, shell: Shell, photo: MakePhoto, model: str) -> None:
        done = shell("-", "--model", model, stdin=photo("a.jpg").read_bytes())
        assert done.returncode == 0, done.stderr
        with Image.open(io.BytesIO(done.stdout)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (48, 32))
        assert done.stderr == b""

    def test_stdin_to_a_file(self, run: Run, photo: MakePhoto, model: str) -> None:
        source = photo("a.png")
        result = run("-", "-o", "made.webp", "--model", model, stdin=source.read_bytes())
        assert result.exit_code == 0
        with Image.open(source.with_name("made.webp")) as image:
            assert image.format == "WEBP"

    def test_stdin_to_an_existing_file_needs_overwrite(
        self, run: Run, photo: MakePhoto, model: str
    ) -> None:
        source = photo("a.png")
        made = photo("made.png")
        before = made.read_bytes()
        words = ("-", "-o", "made.png", "--model", model)
        refused = run(*words, stdin=b"this is not even read")
        assert refused.exit_code == 73
        assert "--overwrite" in refused.stderr
        assert made.read_bytes() == before
        assert run(*words, "--overwrite", stdin=source.read_bytes()).exit_code == 0
        assert is_colored(made)

    def test_file_to_stdout(self, shell: Shell, photo: MakePhoto, model: str) -> None:
        photo("a.png")
        done = shell("a.png", "-o", "-", "--format", "jpeg", "--model", model)
        assert done.returncode == 0, done.stderr
        assert done.stdout[:3] == b"\xff\xd8\xff"

    @pytest.mark.parametrize(("stdin", "code"), [(b"", 65), (b"hello", 65), (CORRUPT, 65)])
    def test_bad_bytes_are_rejected(self, run: Run, model: str, stdin: bytes, code: int) -> None:
        result = run("-", "--model", model, stdin=stdin)
        assert result.exit_code == code
        assert result.stdout == ""
        assert result.stderr.startswith("rechroma: error: stdin")

    @pytest.mark.parametrize("out", ["box", "box/", "new/"])
    def test_stdin_to_a_folder_is_rejected(
        self, run: Run, tmp_path: Path, model: str, out: str
    ) -> None:
        (tmp_path / "box").mkdir()
        result = run("-", "-o", out, "--model", model, stdin=b"this is not even read")
        assert result.exit_code == 2
        assert result.stderr.startswith(f"rechroma: error: {out} is a folder")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
    @pytest.mark.parametrize("words", [["-"], ["a.png", "--json"]])
    def test_stdout_on_a_full_disk_is_an_error(
        self, photo: MakePhoto, model: str, tmp_path: Path, words: list[str]
    ) -> None:
        command = [sys.executable, "-m", "rechroma", *words, "--model", model]
        with photo("a.png").open("rb") as source, Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command,
                cwd=tmp_path,
                stdin=source,
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert done.returncode == 73
        assert done.stderr == b"rechroma: error: stdout: No space left on device\n"

    @pytest.mark.parametrize(("closed", "code"), [("<&-", 66), (">&-", 73)])
    @pytest.mark.skipif(os.name == "nt", reason="the shell's word for it is another")
    def test_closed_stdin_and_stdout_are_errors(
        self, photo: MakePhoto, model: str, tmp_path: Path, closed: str, code: int
    ) -> None:
        command = f"'{sys.executable}' -m rechroma - --model '{model}' {closed}"
        with photo("a.png").open("rb") as source:
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, stdin=source, capture_output=True, check=False
            )
        assert done.returncode == code
        assert b"closed" in done.stderr
        assert b"Traceback" not in done.stderr

    def test_model_that_outputs_nan_is_an_error(
        self, run: Run, photo: MakePhoto, tmp_path: Path
    ) -> None:
        write_model(tmp_path / "nan.onnx", ab=(float("nan"), 0.0))
        stdin = photo("a.png").read_bytes()
        result = run("-", "-o", "b.png", "--model", "nan.onnx", stdin=stdin)
        assert result.exit_code == 70
        assert result.stderr.startswith("rechroma: error: stdin: ")

    def test_pipe_takes_no_other_files_and_no_json(self, run: Run, photo: MakePhoto) -> None:
        photo("a.png")
        assert run("-", "a.png").exit_code == 2
        assert run("-", "--json").exit_code == 2

    def test_broken_pipe_ends_quietly(self, photo: MakePhoto, model: str, tmp_path: Path) -> None:
        for number in range(8):
            photo(f"box/{number}.png")
        command = [sys.executable, "-m", "rechroma", "box", "--json", "--model", model]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            stderr = process.stderr.read()
        assert process.returncode == 1
        assert b"Traceback" not in stderr
        assert b"unexpected" not in stderr


class TestTruncatedJpeg:
    @pytest.fixture
    def box(self, tmp_path: Path) -> Path:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "JPEG")
        whole = file.getvalue()
        folder = tmp_path / "box"
        folder.mkdir()
        (folder / "end.jpg").write_bytes(whole[:-2])
        (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
        (folder / "whole.jpg").write_bytes(whole)
        return folder

    def test_it_is_colored_with_a_warning_and_a_code(self, run: Run, box: Path, model: str) -> None:
        result = run("box", "--json", "--model", model)
        assert result.exit_code == 3
        damages = {line["source"]: line["damage"] for line in lines(result.stdout)}
        expected = {"end.jpg": "end_missing", "half.jpg": "truncated", "whole.jpg": None}
        assert damages == {f"box/{name}": damage for name, damage in expected.items()}
        assert "warning: box/end.jpg: the file lacks its last bytes" in result.stderr
        assert "warning: box/half.jpg: the file is truncated" in result.stderr
        assert "whole.jpg" not in result.stderr
        assert len(list(box.glob("*.color.jpg"))) == 3

    def test_it_is_reported_again_in_each_run(self, run: Run, box: Path, model: str) -> None:
        run("box", "--model", model)
        made = (box / "half.color.jpg").read_bytes()
        again = run("box", "--model", model)
        assert again.exit_code == 3
        assert "3 already present" in again.stderr
        assert "warning: box/half.jpg: the file is truncated" in again.stderr
        strict = run("box", "--strict", "--model", model)
        assert strict.exit_code == 1
        assert "1 already present, 2 failed" in strict.stderr
        assert run("box/half.jpg", "--strict", "--model", model).exit_code == 65
        assert (box / "half.color.jpg").read_bytes() == made

    @pytest.mark.usefixtures("box")
    def test_missing_end_alone_is_a_success(self, run: Run, model: str) -> None:
        result = run("box/end.jpg", "--model", model)
        assert result.exit_code == 0
        assert "the file lacks its last bytes" in result.stderr

    def test_pipe_has_the_same_code(self, run: Run, box: Path, model: str) -> None:
        for name, code in (("half", 3), ("end", 0), ("whole", 0)):
            data = (box / f"{name}.jpg").read_bytes()
            result = run("-", "-o", f"{name}.jpg", "--model", model, stdin=data)
            assert result.exit_code == code
            assert ("warning: stdin: " in result.stderr) == (name != "whole")

    def test_strict_rejects_it(self, run: Run, box: Path, model: str) -> None:
        result = run("box", "--strict", "--model", model)
        assert result.exit_code == 1
        assert [path.name for path in box.glob("*.color.jpg")] == ["whole.color.jpg"]
        assert run("box/half.jpg", "--strict", "--model", model).exit_code == 65
