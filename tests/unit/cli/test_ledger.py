"""Which results count as done: only those made from this very photograph."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from rechroma.cli.ledger import LEDGER_NAME
from tests.support.command import MakePhoto, Run, images_in, is_colored
from tests.support.images import gray_ramp, write_image

if TYPE_CHECKING:
    from collections.abc import Callable

    Color = Callable[..., list[Any]]


@pytest.fixture
def color(run: Run, photo: MakePhoto, model: str) -> Color:
    """Color the folder `box`, which holds `a.png`; returns its lines of JSON."""
    photo("box/a.png")

    def call(*words: str) -> list[Any]:
        result = run("box", "--json", "--model", model, *words)
        return [json.loads(line) for line in result.stdout.splitlines()]

    return call


def statuses(reports: list[Any]) -> dict[str, str]:
    return {Path(report["source"]).name: report["status"] for report in reports}


def test_photograph_added_with_the_same_stem_is_colored(color: Color, tmp_path: Path) -> None:
    box = tmp_path / "box"
    (box / "a.png").unlink()
    write_image(box / "a.gif")
    assert statuses(color()) == {"a.gif": "done"}
    write_image(box / "a.png", gray_ramp(60, 44))
    reports = {Path(report["source"]).name: report for report in color()}
    assert [(r["target"], r["width"]) for _, r in sorted(reports.items())] == [
        ("box/a.gif.color.png", 120),
        ("box/a.color.png", 44),
    ]
    message = "replaced the result of another photograph, which gets another name"
    assert reports["a.png"]["message"] == message
    assert statuses(color()) == {"a.gif": "skipped", "a.png": "skipped"}


@pytest.mark.parametrize("keeps_time", [True, False])
def test_changed_photograph_is_colored_again(
    color: Color, tmp_path: Path, *, keeps_time: bool
) -> None:
    source = tmp_path / "box/a.png"
    color()
    before = source.stat()
    write_image(source, gray_ramp(30, 77))
    if keeps_time:
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    (report,) = color()
    assert (report["status"], report["width"]) == ("done", 77)
    assert statuses(color()) == {"a.png": "skipped"}


def test_changed_photograph_does_not_replace_an_edited_result(color: Color, tmp_path: Path) -> None:
    color()
    result = tmp_path / "box/a.color.png"
    write_image(result)
    edited = result.read_bytes()
    assert statuses(color()) == {"a.png": "skipped"}
    write_image(tmp_path / "box/a.png", gray_ramp(30, 77))
    (report,) = color()
    assert (report["status"], report["error"]) == ("failed", "TargetExistsError")
    assert "was edited since it was made; the photograph has changed, too" in report["message"]
    assert result.read_bytes() == edited
    assert statuses(color("--overwrite")) == {"a.png": "done"}
    assert is_colored(result)


def test_touched_photograph_is_recognized_by_its_content(color: Color, tmp_path: Path) -> None:
    color()
    for _ in range(2):
        (tmp_path / "box/a.png").touch()
        assert statuses(color()) == {"a.png": "skipped"}


def test_finished_photographs_are_not_read_again(
    color: Color, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write_image(tmp_path / f"box/{number}.png")
    color()
    open_path, opened = Path.open, []

    def note(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(path.suffix)
        return open_path(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", note)
    assert set(statuses(color()).values()) == {"skipped"}
    assert opened.count(".jsonl") == 1
    assert ".png" not in opened


def test_swapped_photographs_are_colored_again(color: Color, tmp_path: Path) -> None:
    first, second = tmp_path / "box/a.bmp", tmp_path / "box/b.bmp"
    for path, gray in ((first, gray_ramp()), (second, gray_ramp()[::-1])):
        write_image(path, gray)
        os.utime(path, ns=(0, 1_700_000_000_000_000_000 + len(path.name)))
    assert first.stat().st_size == second.stat().st_size
    color()
    shutil.move(first, tmp_path / "box/c.bmp")
    shutil.move(second, first)
    shutil.move(tmp_path / "box/c.bmp", second)
    os.utime(first, ns=(0, 1))
    os.utime(second, ns=(0, 2))
    assert statuses(color()) == {"a.png": "skipped", "a.bmp": "done", "b.bmp": "done"}


@pytest.mark.parametrize("folder", ["box", "out"])
def test_foreign_file_is_kept_and_is_no_result(color: Color, tmp_path: Path, folder: str) -> None:
    words, name = ((), "a.color.png") if folder == "box" else (("-o", "out"), "a.png")
    other = tmp_path / folder / name
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"not a result")
    (report,) = color(*words)
    assert (report["status"], report["error"]) == ("failed", "TargetExistsError")
    assert "is not known as a result of box/a.png" in report["message"]
    assert other.read_bytes() == b"not a result"


@pytest.mark.parametrize("first_exists", [True, False])
@pytest.mark.parametrize(("argument", "out"), [("box2", "out"), ("box2/a.png", "out/a.png")])
def test_result_of_another_photograph_is_kept(
    color: Color,
    run: Run,
    model: str,
    tmp_path: Path,
    argument: str,
    out: str,
    *,
    first_exists: bool,
) -> None:
    color("-o", "out")
    made = (tmp_path / "out/a.png").read_bytes()
    if not first_exists:
        (tmp_path / "box/a.png").unlink()
    write_image(tmp_path / "box2/a.png", gray_ramp(20, 33))
    result = run(argument, "-o", out, "--model", model)
    assert result.exit_code == 73
    assert "out/a.png already exists, as the result of another photograph" in result.stderr
    assert "Choose another file or folder with -o" in result.stderr
    assert (tmp_path / "out/a.png").read_bytes() == made
    assert run(argument, "-o", out, "--overwrite", "--model", model).exit_code == 0


def test_folders_can_be_moved_and_copied(
    color: Color, run: Run, model: str, tmp_path: Path
) -> None:
    color("-o", "out")
    (tmp_path / "disk").mkdir()
    shutil.move(tmp_path / "box", tmp_path / "disk/scans")
    shutil.copytree(tmp_path / "out", tmp_path / "disk/colored", copy_function=shutil.copyfile)
    result = run("disk/scans", "-o", "disk/colored", "--model", model)
    assert "a.png already exists (use" in result.stderr


def test_other_options_keep_the_result_and_say_so(
    color: Color, run: Run, model: str, hinted_model: str, tmp_path: Path
) -> None:
    color()
    made = (tmp_path / "box/a.color.png").read_bytes()
    for words in (("--saturation", "2"), ("--badge",), ("--model", hinted_model)):
        (report,) = color(*words)
        assert report["status"] == "skipped"
        assert "another model or other options" in report["message"]
    assert (tmp_path / "box/a.color.png").read_bytes() == made
    (same,) = color("--strict", "--max-pixels", "999999", "--saturation", "1")
    assert same["message"] is None
    write_image(tmp_path / "box/b.png")
    summary = run("box", "--blend", "0.5", "--model", model).stderr
    assert "1 colored, 1 already present (1 with another model or other options" in summary


def test_ledger_tells_what_a_result_was_made_of(color: Color, tmp_path: Path) -> None:
    color("-o", "out/colored", "--saturation", "1.5")
    (line,) = (tmp_path / "out/colored" / LEDGER_NAME).read_bytes().splitlines()
    record = json.loads(line)
    assert (record["result"], record["source"]) == ("a.png", "../../box/a.png")
    assert record["settings"]["model"] == "tiny"
    assert record["settings"]["options"] == {"saturation": 1.5}


@pytest.mark.parametrize("rest", [b'{"result": "b.co', b"\xff\n", b"[]\n", b'{"result": 3}\n'])
def test_damaged_line_costs_no_other_line(color: Color, tmp_path: Path, rest: bytes) -> None:
    color()
    with (tmp_path / "box" / LEDGER_NAME).open("ab") as file:
        file.write(rest)
    write_image(tmp_path / "box/b.png")
    assert statuses(color()) == {"a.png": "skipped", "b.png": "done"}
    assert statuses(color()) == {"a.png": "skipped", "b.png": "skipped"}


def test_files_that_are_no_images_are_counted(run: Run, photo: MakePhoto, model: str) -> None:
    box = photo("box/a.png").parent
    for name in ("b.txt", "c.TXT", "d.mp4", "f", "Thumbs.db"):
        (box / name).write_text("no image")
    first = run("box", "--model", model)
    assert first.stderr.endswith("rechroma: left 4 files: 2 .txt, 1 .mp4, 1 without suffix\n")
    report, left = map(json.loads, run("box", "--json", "--model", model).stdout.splitlines())
    assert report["status"] == "skipped"
    assert left == {"left": {".txt": 2, ".mp4": 1, "": 1}}
    assert run("box", "--quiet", "--model", model).stderr == ""
    (box / "a.png").unlink()
    (box / "a.color.png").unlink()
    empty = run("box", "--model", model)
    assert empty.exit_code == 66
    assert "left 4 files" in empty.stderr


def test_many_kinds_of_files_are_summed_up(run: Run, photo: MakePhoto, model: str) -> None:
    box = photo("box/a.png").parent
    for number in range(9):
        (box / f"x.k{number}").touch()
    (box / "y.k8").touch()
    assert "left 10 files: 2 .k8, 1 .k0, 1 .k1, 1 .k2, 1 .k3, 1 .k4, 3 others" in (
        run("box", "--model", model).stderr
    )


@pytest.mark.parametrize(
    "words", [("--", "-x.png"), ("-q", "./-x.png"), ("colorize", "--", "-x.png")]
)
def test_name_with_a_leading_dash_is_colored(
    run: Run, photo: MakePhoto, model: str, words: tuple[str, ...]
) -> None:
    folder = photo("-x.png").parent
    result = run(*words[:-2], "--model", model, *words[-2:])
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in images_in(folder)] == ["-x.color.png", "-x.png"]


def test_names_with_brackets_are_colored(run: Run, photo: MakePhoto, model: str) -> None:
    folder = photo("box [1]/photo[1].png").parent
    result = run("box [1]/*.png", "box [1]/photo[1].png", "-o", "out[2]/x[3].png", "--model", model)
    assert result.exit_code == 0, result.stderr
    assert is_colored(folder.parent / "out[2]/x[3].png")


def test_time_is_kept_on_request(color: Color, tmp_path: Path) -> None:
    source = tmp_path / "box/a.png"
    os.utime(source, ns=(0, 10**18))
    assert statuses(color("--keep-time")) == {"a.png": "done"}
    assert (tmp_path / "box/a.color.png").stat().st_mtime_ns == 10**18
    (again,) = color("--keep-time")
    assert (again["status"], again["message"]) == ("skipped", None)


@pytest.mark.usefixtures("color")
def test_time_that_is_not_kept_in_a_result_is_reported(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    photo("box/b.png")
    for name in "ab":
        os.utime(tmp_path / f"box/{name}.png", ns=(0, 10**18))
    assert run("box", "--model", model).exit_code == 0
    assert "2 already present in" in run("box", "--model", model).stderr
    again = run("box", "--keep-time", "--model", model)
    assert "2 already present (2 with another modification time; see --over" in again.stderr
    assert (tmp_path / "box/a.color.png").stat().st_mtime_ns != 10**18


def test_photographs_that_lose_their_colors_are_counted(
    color: Color, run: Run, model: str, tmp_path: Path
) -> None:
    del color  # a.png is gray
    Image.new("RGB", (40, 30), (200, 60, 20)).save(tmp_path / "box/rose.png")
    whole = run("box", "--model", model).stderr
    assert "2 colored (1 in color or toned before) in" in whole
    single = run("box/rose.png", "--overwrite", "--model", model).stderr
    assert ", in place of its own colors\n" in single
    assert "own colors" not in run("box/a.png", "--overwrite", "--model", model).stderr


def test_results_without_their_ledger_share_one_error(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for name in "abc":
        photo(f"box/{name}.png")
    assert run("box", "-o", "out", "--model", model).exit_code == 0
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    (tmp_path / "copy" / LEDGER_NAME).unlink()
    content = (tmp_path / "copy/a.png").read_bytes()
    done = run("box", "-o", "copy", "--model", model, "--json")
    assert done.exit_code == 1
    error, summary = done.stderr.splitlines()
    assert error.startswith("rechroma: error: copy: 3 files are in the places of results")
    assert f"copy the hidden file {LEDGER_NAME}" in error
    assert "--overwrite" in error
    assert "3 failed" in summary
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert {report["error"] for report in reports} == {"TargetExistsError"}
    assert (tmp_path / "copy/a.png").read_bytes() == content
    shutil.copy(tmp_path / "out" / LEDGER_NAME, tmp_path / "copy")
    assert run("box", "-o", "copy", "--model", model).exit_code == 0


def test_unreadable_metadata_is_reported_again(run: Run, model: str, tmp_path: Path) -> None:
    image = Image.fromarray(gray_ramp())
    image.save(tmp_path / "p.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", comment="kept")
    for status in ("done", "skipped"):
        done = run("p.jpg", "--json", "--model", model)
        assert done.exit_code == 0
        report = json.loads(done.stdout)
        assert (report["status"], report["unreadable_metadata"]) == (status, ["EXIF"])
        warning = (
            "rechroma: warning: p.jpg: metadata that cannot be read is not in the result: EXIF"
        )
        assert done.stderr.splitlines()[0] == warning
