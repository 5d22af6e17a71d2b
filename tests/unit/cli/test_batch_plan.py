from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rechroma.cli.batch_plan import BatchPlan, looks_like_image, plan_batch
from rechroma.errors import OptionError, SourceError, TargetError
from rechroma.imaging import SUFFIXES
from tests.support.command import running_as_root
from tests.support.images import write_image


@pytest.fixture(autouse=True)
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images and other files."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "box/a.jpg",
        "box/b.PNG",
        "box/deep/er/c.tif",
        "box/deep/a.jpg",
        "box/notes.txt",
        "box/a.color.jpg",
        "box/._a.jpg",
        "box/.thumbnails/a.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "box"


def pairs(plan: BatchPlan) -> dict[str, str]:
    assert not plan.missing
    return {task.source.as_posix(): task.target.as_posix() for task in plan.tasks}


def test_default_targets_are_next_to_the_originals() -> None:
    assert pairs(plan_batch(["box"])) == {
        "box/a.jpg": "box/a.color.jpg",
        "box/b.PNG": "box/b.color.PNG",
        "box/deep/a.jpg": "box/deep/a.color.jpg",
        "box/deep/er/c.tif": "box/deep/er/c.color.tif",
    }


@pytest.mark.parametrize("out", ["out", "out/", "not/yet/there"])
def test_folder_keeps_its_tree(out: str) -> None:
    root = out.rstrip("/")
    assert pairs(plan_batch(["box"], out)) == {
        "box/a.jpg": f"{root}/a.jpg",
        "box/b.PNG": f"{root}/b.PNG",
        "box/deep/a.jpg": f"{root}/deep/a.jpg",
        "box/deep/er/c.tif": f"{root}/deep/er/c.tif",
    }


def test_pattern_keeps_the_tree_below_its_first_wildcard() -> None:
    assert pairs(plan_batch(["box/**/*.[jt]*"], "out")) == {
        "box/a.jpg": "out/a.jpg",
        "box/deep/a.jpg": "out/deep/a.jpg",
        "box/deep/er/c.tif": "out/deep/er/c.tif",
    }


def test_existing_name_with_brackets_is_not_a_pattern(box: Path) -> None:
    (box / "scan[1].jpg").touch()
    assert list(pairs(plan_batch(["box/scan[1].jpg"]))) == ["box/scan[1].jpg"]


@pytest.mark.parametrize("name", ["scans [1950]", "box[1]", "-box", "1*"])
def test_pattern_can_be_in_a_folder_with_special_characters(box: Path, name: str) -> None:
    folder = box.with_name(name)
    for each in ("photo[1].jpg", "-x.jpg", "deep/y.jpg"):
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).touch()
    box.with_name("box1").mkdir()
    assert pairs(plan_batch([f"{name}/**/*.jpg"], "out")) == {
        f"{name}/-x.jpg": "out/-x.jpg",
        f"{name}/deep/y.jpg": "out/deep/y.jpg",
        f"{name}/photo[1].jpg": "out/photo[1].jpg",
    }


@pytest.mark.parametrize("arguments", [["box"], ["box/**/*"]])
def test_suffixes_of_all_formats_are_images(box: Path, arguments: list[str]) -> None:
    names = [f"box/more/{number}{suffix}" for number, suffix in enumerate(SUFFIXES)]
    (box / "more").mkdir()
    for name in names:
        Path(name).touch()
    assert {".jpe", ".jfif", ".hif"} < set(SUFFIXES)
    assert set(names) < set(pairs(plan_batch(arguments)))


@pytest.mark.parametrize("argument", ["box/unnamed", "box/unnamed/*"])
def test_names_without_suffix_are_recognized_by_their_content(box: Path, argument: str) -> None:
    write_image(box / "unnamed/scan.tif").rename(box / "unnamed/scan0001")
    (box / "unnamed/README").write_text("BMW, 1961")
    (box / "unnamed/empty").touch()
    (box / "unnamed/folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(box / "unnamed/pipe")
    plan = plan_batch([argument])
    assert pairs(plan) == {"box/unnamed/scan0001": "box/unnamed/scan0001.color.tif"}
    assert plan.left == {"": 2}


@pytest.mark.parametrize("argument", ["nas", "nas/**/*", "nas/**"])
def test_copies_and_bins_of_systems_are_left_out(box: Path, argument: str) -> None:
    clutter = (
        *("@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/a.jpg", "$RECYCLE.BIN/S-1-5/a.jpg"),
        *(".Trash-1000/files/a.jpg", ".Trashes/a.jpg", "__MACOSX/a.jpg", "__MACOSX/._a.jpg"),
        *(".thumbnails/a.jpg", "lost+found/a.jpg", "._a.jpg", ".DS_Store", "Thumbs.db"),
        *("deep/@eaDir/a.jpg", "deep/Desktop.ini", "System Volume Information/a.jpg"),
    )
    for name in ("a.jpg", "deep/b.jpg", "deep/notes.txt", *clutter):
        path = box.with_name("nas") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    plan = plan_batch([argument])
    assert set(pairs(plan)) == {"nas/a.jpg", "nas/deep/b.jpg"}
    assert plan.left == {".txt": 1}


def test_clutter_is_searched_if_it_is_named(box: Path) -> None:
    (box / "#recycle").mkdir()
    (box / "#recycle/a.jpg").touch()
    for argument in ("box/#recycle", "box/#recycle/*.jpg", "box/#recycle/a.jpg"):
        assert set(pairs(plan_batch([argument]))) == {"box/#recycle/a.jpg"}


def test_other_files_are_counted_once_by_suffix(box: Path) -> None:
    for name in ("film.MP4", "other.mp4", "raw.dng"):
        (box / "deep" / name).touch()
    assert plan_batch(["box", "box/deep", "box/*"]).left == {".txt": 1, ".mp4": 2, ".dng": 1}
    assert not plan_batch(["box/deep/film.MP4"]).left


def test_results_within_the_folder_are_not_sources(box: Path) -> None:
    (box / "out").mkdir()
    (box / "out/a.jpg").touch()
    assert "box/out/a.jpg" not in pairs(plan_batch(["box"], "box/out"))


def test_results_that_the_shell_lists_are_not_sources() -> None:
    listed = ["box/a.color.jpg", "box/a.jpg"]  # what it makes of box/*.jpg in a second run
    assert pairs(plan_batch(listed)) == {"box/a.jpg": "box/a.color.jpg"}


@pytest.mark.parametrize("result", ["a.color.png", "a.color.TIF", "a.jpg.color.png", "a.color"])
def test_results_of_another_format_are_not_sources_either(box: Path, result: str) -> None:
    (box / result).touch()
    assert list(pairs(plan_batch([f"box/{result}", "box/b.PNG"]))) == ["box/b.PNG"]


@pytest.mark.parametrize("name", ["a.colorful.png", "my.color.scheme.jpg"])
def test_similar_names_are_not_results(box: Path, name: str) -> None:
    (box / name).touch()
    assert set(pairs(plan_batch([f"box/{name}", "box/b.PNG"]))) == {f"box/{name}", "box/b.PNG"}


@pytest.mark.parametrize(
    "arguments", [["box/a.color.jpg"], ["box/z.color.png"], ["box/b.PNG", "box/z.color.png"]]
)
def test_file_named_like_a_result_is_skipped(box: Path, arguments: list[str]) -> None:
    (box / "z.color.png").touch()
    plan = plan_batch(arguments)
    assert plan.results == [Path(arguments[-1])]
    assert [task.source for task in plan.tasks] == [Path(name) for name in arguments[:-1]]


def test_explicit_file_named_like_a_result_is_colored() -> None:
    source = "box/a.color.jpg"
    assert pairs(plan_batch([source], recolor=True)) == {source: "box/a.color.color.jpg"}
    assert pairs(plan_batch([source], "out")) == {source: "out/a.color.jpg"}
    assert pairs(plan_batch([source], "b.jpg")) == {source: "b.jpg"}


def test_duplicate_arguments_are_colored_once(box: Path) -> None:
    plan = plan_batch(["box/a.jpg", "box", str(box / "a.jpg"), "box/deep/../a.jpg"], "out")
    assert [task.target.as_posix() for task in plan.tasks].count("out/a.jpg") == 1
    assert len(plan.tasks) == 4


def test_format_changes_the_suffix() -> None:
    assert pairs(plan_batch(["box/a.jpg"], None, "PNG")) == {"box/a.jpg": "box/a.color.png"}
    assert pairs(plan_batch(["box/a.jpg", "box/b.PNG"], "out", "PNG")) == {
        "box/a.jpg": "out/a.png",
        "box/b.PNG": "out/b.PNG",
    }


def test_output_file_is_the_target() -> None:
    assert pairs(plan_batch(["box/a.jpg"], "made.png")) == {"box/a.jpg": "made.png"}


def test_output_file_for_several_images_is_rejected() -> None:
    with pytest.raises(OptionError, match=r"made\.png is a file, but there are 2 images"):
        plan_batch(["box/a.jpg", "box/b.PNG"], "made.png")


@pytest.mark.parametrize("out", ["letter", "letter/", "box/a.jpg/"])
def test_file_in_place_of_the_output_folder_is_rejected(box: Path, out: str) -> None:
    box.with_name("letter").touch()
    with pytest.raises(TargetError, match="is a file, but the results need a folder"):
        plan_batch(["box/a.jpg"], out)


@pytest.mark.parametrize(
    ("out", "file_format"), [("made.gif", None), ("made.pdf", None), ("made.png", "JPEG")]
)
def test_file_named_as_another_format_is_rejected(out: str, file_format: str | None) -> None:
    with pytest.raises(OptionError, match=f"^{out}: "):
        plan_batch(["box/a.jpg"], out, file_format)


def test_output_folder_can_have_a_suffix(box: Path) -> None:
    (box / "v1.0").mkdir()
    for out in ("box/v1.0", "new.jpg/"):
        assert pairs(plan_batch(["box/a.jpg"], out)) == {"box/a.jpg": f"{out.rstrip('/')}/a.jpg"}


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything below `locked` inaccessible, even to root."""
    stat = Path.stat

    def guarded(path: Path, **options: bool) -> os.stat_result:
        if path.parts[0] == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", guarded)


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("out", ["locked/out", "locked/made.jpg", "locked/out/"])
def test_inaccessible_target_is_an_error(out: str) -> None:
    with pytest.raises(TargetError, match=r"^locked/[a-z./]+: Permission denied"):
        plan_batch(["box/a.jpg"], out)


@pytest.mark.usefixtures("locked")
def test_inaccessible_source_is_missing() -> None:
    (missing,) = plan_batch(["locked/a.jpg"]).missing
    assert missing.error.message == "locked/a.jpg: Permission denied"


def test_name_without_suffix_is_kept(box: Path) -> None:
    (box / "scan").touch()
    assert pairs(plan_batch(["box/scan"], "out")) == {"box/scan": "out/scan"}
    assert pairs(plan_batch(["box/scan"], "out", "PNG")) == {"box/scan": "out/scan.png"}
    assert pairs(plan_batch(["box/scan"])) == {"box/scan": "box/scan.color"}


def test_two_images_with_one_target_are_rejected() -> None:
    with pytest.raises(OptionError, match=r"box/a\.jpg and box/deep/a\.jpg would both become"):
        plan_batch(["box/a.jpg", "box/deep/a.jpg"], "out")


def test_equal_stems_get_different_targets_in_any_order(box: Path) -> None:
    (box / "pal.gif").touch()
    (box / "pal.png").touch()
    listed = ["box/pal.gif", "box/pal.png"]
    for arguments in (["box/pal*"], listed, listed[::-1], ["box/pal.png", "box/pal*"]):
        assert pairs(plan_batch(arguments, "out")) == {
            "box/pal.gif": "out/pal.gif.png",
            "box/pal.png": "out/pal.png",
        }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # `box` is not used
@given(
    names=st.sets(
        st.from_regex(r"[ab](\.gif|\.png)?(\.gif|\.jpe?g|\.png)", fullmatch=True), min_size=1
    ),
    out=st.sampled_from([None, "out"]),
    file_format=st.sampled_from([None, "PNG"]),
)
def test_any_names_of_a_folder_get_different_targets(
    names: set[str], out: str | None, file_format: str | None
) -> None:
    with TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).touch()
        plan = plan_batch([folder], out, file_format)
        assert {task.source.name for task in plan.tasks} == names
        assert len({task.target for task in plan.tasks}) == len(names)
        assert plan_batch([folder], out, file_format) == plan


def test_colliding_formats_keep_their_suffixes(box: Path) -> None:
    for name in ("p.gif", "p.png", "p.gif.png", "p.jpeg", "p.jpg"):
        (box / "p" / name).parent.mkdir(exist_ok=True)
        (box / "p" / name).touch()
    assert pairs(plan_batch(["box/p"], "out")) == {
        "box/p/p.gif": "out/p.gif.gif.png",
        "box/p/p.gif.png": "out/p.gif.png",
        "box/p/p.jpeg": "out/p.jpeg",
        "box/p/p.jpg": "out/p.jpg",
        "box/p/p.png": "out/p.png",
    }
    assert pairs(plan_batch(["box/p"], None, "PNG")) == {
        "box/p/p.gif": "box/p/p.gif.gif.color.png",
        "box/p/p.gif.png": "box/p/p.gif.color.png",
        "box/p/p.jpeg": "box/p/p.jpeg.color.png",
        "box/p/p.jpg": "box/p/p.jpg.color.png",
        "box/p/p.png": "box/p/p.color.png",
    }


@pytest.mark.parametrize("out", ["box", "./box/", "box/deep/.."])
def test_originals_are_never_the_target(out: str) -> None:
    with pytest.raises(OptionError, match="would replace the original"):
        plan_batch(["box"], out)


def test_originals_are_never_the_target_by_another_name(box: Path) -> None:
    box.with_name("link").symlink_to(box)
    with pytest.raises(OptionError, match="would replace the original"):
        plan_batch(["box"], "link")


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("box/none.jpg", "no such file or directory"),
        ("box/*.gif", "no image matches"),
        ("empty", "no images in this folder"),
        ("x" * 300 + ".jpg", "name too long"),
    ],
)
def test_missing_arguments_do_not_stop_the_others(box: Path, argument: str, reason: str) -> None:
    box.with_name("empty").mkdir()
    plan = plan_batch([argument, "box/a.jpg"])
    assert [task.source.name for task in plan.tasks] == ["a.jpg"]
    (missing,) = plan.missing
    assert isinstance(missing.error, SourceError)
    assert missing.error.message.startswith(f"{argument}: ")
    assert reason in missing.error.message.lower()


@pytest.mark.skipif(running_as_root(), reason="root may read everything")
def test_unreadable_folder_is_missing(box: Path) -> None:
    (box / "deep").chmod(0)
    try:
        plan = plan_batch(["box"])
    finally:
        (box / "deep").chmod(0o755)
    assert [item.name for item in plan.missing] == ["box/deep"]
    assert len(plan.tasks) == 2


@pytest.mark.parametrize(
    "word", ["-", "box", "box/notes.txt", "gone.jpg", "*.x", "A.HEIC", "gone/box"]
)
def test_looks_like_image_accepts_files_and_patterns(word: str) -> None:
    assert looks_like_image(word)


@pytest.mark.parametrize("word", ["models", "color", "gone.txt", "box.zip"])
def test_looks_like_image_rejects_other_words(word: str) -> None:
    assert not looks_like_image(word)
