"""`rechroma models import` and `add` of ONNX files of other programs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest

from tests.support.command import MakePhoto, Run, is_colored
from tests.support.local_http_server import file_route, serving
from tests.support.models import write_model
from tests.support.onnx_colorizers import ddcolor, deoldify

if TYPE_CHECKING:
    from click.testing import Result


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty shelf, with two files of another program next to it."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    onnx.save(ddcolor((192, 192)), tmp_path / "ddcolor_artistic.onnx")
    onnx.save(deoldify((192, 192)), tmp_path / "deoldify.onnx")
    return folder


def assert_error(result: Result, code: int, *parts: str) -> None:
    """Assert an exit code, one line of error and at most one of advice, with the given parts."""
    assert result.exit_code == code, result.output
    error, *hint = result.stderr.splitlines()
    assert error.startswith("rechroma: error: ")
    assert [line[:6] for line in hint] in ([], ["hint: "])
    for part in parts:
        assert part in result.stderr


def test_imported_file_colors_a_photograph(run: Run, tmp_path: Path, photo: MakePhoto) -> None:
    done = run("models", "import", "deoldify.onnx", "-o", "mine.onnx")
    assert done.exit_code == 0, done.output
    assert done.stderr == "deoldify.onnx: checking its colors on gradients\n"
    assert "mine.onnx: 0.0 MB; contract 'deoldify' (DeOldify, Antic 2018" in done.stdout
    assert "under MIT; version and training data of this file are unknown" in done.stdout
    card = json.loads(run("models", "info", "mine.onnx", "--json").stdout)
    assert (card["name"], card["license"], card["size"]) == ("mine", "MIT", 192)
    colored = run(photo("p.png"), "--model", "mine.onnx", "-o", "c.png")
    assert colored.exit_code == 0, colored.output
    assert is_colored(tmp_path / "c.png")


def test_added_file_is_used_by_its_name(
    run: Run, shelf: Path, tmp_path: Path, photo: MakePhoto
) -> None:
    added = run("models", "add", "ddcolor_artistic.onnx")
    assert added.exit_code == 0, added.output
    path = shelf / "ddcolor_artistic.onnx"
    assert added.stdout.endswith(f"ddcolor_artistic is on the shelf: {path}\n")
    named = run("models", "add", "deoldify.onnx", "--as", "old", "--contract", "deoldify")
    assert named.exit_code == 0, named.output
    listed = {card["name"]: card for card in json.loads(run("models", "list", "--json").stdout)}
    assert listed["old"]["license"] == "MIT"
    assert "DDColor" in listed["ddcolor_artistic"]["description"]
    for name in ("old", "ddcolor_artistic"):
        colored = run(photo("p.jpg"), "--model", name, "-o", f"{name}.png")
        assert colored.exit_code == 0, colored.output
        assert is_colored(tmp_path / f"{name}.png")
    again = run("models", "add", "deoldify.onnx", "--as", "old")
    assert_error(again, 73, "there is a model 'old' already")


def test_address_is_imported_and_its_hash_compared(
    run: Run, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    content = (tmp_path / "deoldify.onnx").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with serving() as host:
        host.routes["/far.onnx"] = file_route(content)
        added = run("models", "add", host.url("/far.onnx"), "--sha256", digest)
        assert added.exit_code == 0, added.output
    wrong = run("models", "add", "deoldify.onnx", "--sha256", "0" * 64)
    assert wrong.exit_code == 78
    assert "its SHA-256 is" in wrong.stderr
    assert [path.name for path in shelf.iterdir()] == ["far.onnx"]


def test_card_fields_are_the_users(run: Run, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"license": "CC0-1.0", "description": "Mine."}')
    words = ("-o", "mine.onnx", "--card", "card.json")
    assert run("models", "import", "deoldify.onnx", *words).exit_code == 0
    card = json.loads(run("models", "info", "mine.onnx", "--json").stdout)
    assert (card["license"], card["description"]) == ("CC0-1.0", "Mine.")


def test_unusable_files_are_errors_and_leave_nothing(run: Run, shelf: Path, tmp_path: Path) -> None:
    whole = (tmp_path / "deoldify.onnx").read_bytes()
    write_model(tmp_path / "color.onnx")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "torn.onnx").write_bytes(whole[:200])
    (tmp_path / "zip.onnx").write_bytes(b"PK\3\4" + bytes(60))
    before = sorted(tmp_path.rglob("*"))
    for name, code, error in (
        ("absent.onnx", 66, "absent.onnx: cannot be read"),
        ("folder.onnx", 66, "folder.onnx: cannot be read"),
        ("empty.onnx", 78, "empty.onnx is empty"),
        ("torn.onnx", 78, "torn.onnx is damaged, or not an ONNX file"),
        ("zip.onnx", 78, "zip.onnx is damaged, or not an ONNX file"),
        ("color.onnx", 78, "color.onnx is a color model already"),
    ):
        assert_error(run("models", "import", name, "-o", "out.onnx"), code, error)
    other = run("models", "add", "deoldify.onnx", "--contract", "ddcolor")
    assert_error(other, 78, "not ddcolor: the output is not (1, 2, H, W)", "a*b* (1, 2, H, W)")
    color = run("models", "add", "color.onnx", "--contract", "ddcolor")
    assert_error(color, 78, "is a color model already")
    assert sorted(tmp_path.rglob("*")) == before
    assert list(shelf.iterdir()) == []


def test_options_of_checkpoints_are_refused(run: Run, tmp_path: Path) -> None:
    onnx_file = ("models", "import", "deoldify.onnx")
    Path("x.pth").write_bytes(b"weights")
    for words, error in (
        ((*onnx_file, "--as", "deoldify-stable"), "--as is for checkpoints"),
        ((*onnx_file, "-o", "x.onnx", "--weights", "int8"), "--weights is for checkpoints"),
        (onnx_file, "the name of the result is missing"),
        ((*onnx_file, "-o", "x.pt"), "must end with .onnx"),
        (("models", "import", "x.pth"), "a checkpoint does not say its network"),
        (
            ("models", "import", "x.pth", "--as", "eccv16", "--contract", "ddcolor"),
            "for ONNX files",
        ),
        ((*onnx_file, "-o", "x.onnx", "--contract", "unet"), "no contract is called 'unet'"),
    ):
        assert_error(run(*words), 2, error)
    assert_error(run("models", "import", "absent.pth"), 66, "absent.pth: cannot be read")
    itself = run(*onnx_file, "-o", "deoldify.onnx", "--overwrite")
    assert_error(itself, 73, "is the file to import")
    assert not (tmp_path / "x.onnx").exists()


def test_missing_onnx_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rechroma.cli.preflight.find_spec", lambda _: None)
    for words in (("import", "deoldify.onnx", "-o", "x.onnx"), ("add", "deoldify.onnx")):
        assert_error(run("models", *words), 69, "needs onnx", "rechroma[train]")
    absent = run("models", "import", "absent.onnx", "-o", "x.onnx")
    assert_error(absent, 66, "absent.onnx: cannot be read")
    Path("text.onnx").write_text("no model")
    assert_error(run("models", "import", "text.onnx", "-o", "x.onnx"), 78, "not an ONNX file")
    assert not Path("x.onnx").exists()


def test_import_replaces_only_with_overwrite(run: Run) -> None:
    Path("x.onnx").write_text("old")
    words = ("models", "import", "deoldify.onnx", "-o", "x.onnx")
    assert_error(run(*words), 73, "x.onnx already exists", "--overwrite")
    assert Path("x.onnx").read_text() == "old"
    assert run(*words, "--overwrite").exit_code == 0
    assert run("models", "info", "x.onnx").exit_code == 0


def test_use_without_import_tells_the_command(run: Run, photo: MakePhoto) -> None:
    used = run(photo("p.png"), "--model", "deoldify.onnx")
    assert used.exit_code == 78
    assert "rechroma models import FILE.onnx -o OUT.onnx" in used.stderr
