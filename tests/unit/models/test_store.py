from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from rechroma.errors import (
    ModelContractError,
    ModelIntegrityError,
    ModelNotFoundError,
    OptionError,
    SourceError,
    TargetError,
)
from rechroma.models import (
    add_to_shelf,
    find_model,
    get_card,
    list_models,
    model_names,
    published_models,
    remove_from_shelf,
    shelf_folder,
    shelf_path,
    store,
)
from tests.support.disk import room_for
from tests.support.models import write_model


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled models, `plain` the default, instead of the package's own."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    models = {}
    for name in ("plain", "vivid"):
        path = write_model(folder / f"{name}.onnx", name=name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        models[name] = {"file": path.name, "sha256": digest}
    manifest = json.dumps({"default": "plain", "models": models})
    (folder / "manifest.json").write_text(manifest, "utf-8")
    monkeypatch.setattr(store, "BUNDLED", folder)
    monkeypatch.delenv("RECHROMA_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the shelf, with a model `mine`."""
    folder = tmp_path / "own"
    folder.mkdir()
    write_model(folder / "mine.onnx", name="named otherwise inside")
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    return folder


def test_store_knows_default_and_names(bundled: Path) -> None:
    assert find_model() == find_model("default") == find_model("plain") == bundled / "plain.onnx"
    assert find_model("vivid") == bundled / "vivid.onnx"


def test_list_models_returns_cards(bundled: Path) -> None:  # noqa: ARG001
    assert [card.name for card in list_models()] == ["plain", "vivid"]


def test_user_models_are_named_by_file(bundled: Path, own: Path) -> None:
    assert find_model("mine") == own / "mine.onnx"
    assert find_model("default") == bundled / "plain.onnx"
    assert [card.name for card in list_models()] == ["mine", "plain", "vivid"]


def test_bundled_model_keeps_its_name(bundled: Path, own: Path) -> None:
    write_model(own / "plain.onnx")
    assert find_model("plain") == bundled / "plain.onnx"


def test_missing_user_folder_is_named(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECHROMA_MODELS", str(bundled / "nowhere"))
    assert find_model() == bundled / "plain.onnx"
    for look in (list_models, model_names, lambda: find_model("mine")):
        with pytest.raises(ModelNotFoundError, match="nowhere") as caught:
            look()
        assert "RECHROMA_MODELS" in str(caught.value.hint)


def test_find_model_accepts_a_path(tmp_path: Path) -> None:
    path = write_model(tmp_path / "elsewhere.onnx")
    assert find_model(path) == find_model(str(path)) == path


def test_find_model_rejects_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nothing\.onnx"):
        find_model(tmp_path / "nothing.onnx")


@pytest.mark.parametrize(
    ("name", "hint"), [("vivd", "Did you mean 'vivid'?"), ("zzzz", "Available: plain, vivid.")]
)
def test_unknown_name_gets_a_hint(bundled: Path, name: str, hint: str) -> None:  # noqa: ARG001
    with pytest.raises(ModelNotFoundError, match=name) as caught:
        find_model(name)
    assert caught.value.hint == hint


def test_empty_store_hints_at_the_folder(bundled: Path) -> None:
    (bundled / "manifest.json").write_text('{"default": "plain", "models": {}}', "utf-8")
    with pytest.raises(ModelNotFoundError) as caught:
        find_model()
    assert "RECHROMA_MODELS" in str(caught.value.hint)


def test_damaged_bundled_model_is_rejected(bundled: Path) -> None:
    with (bundled / "vivid.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelIntegrityError, match=r"vivid\.onnx.*SHA-256"):
        find_model("vivid")
    with pytest.raises(ModelIntegrityError):
        list_models()


def test_missing_bundled_model_is_rejected(bundled: Path) -> None:
    (bundled / "vivid.onnx").unlink()
    with pytest.raises(ModelIntegrityError, match="missing"):
        find_model("vivid")


def test_list_models_names_a_broken_user_model(bundled: Path, own: Path) -> None:  # noqa: ARG001
    (own / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelContractError, match=r"broken\.onnx"):
        list_models()


def test_card_is_read_again_after_a_change(bundled: Path, own: Path) -> None:  # noqa: ARG001
    assert get_card("mine").license == "Apache-2.0"
    write_model(own / "mine.onnx", license="MIT")
    assert get_card("mine").license == "MIT"


def test_name_of_a_published_model_hints_at_its_download(bundled: Path) -> None:  # noqa: ARG001
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("eccv16")
    assert caught.value.hint == "Download it: rechroma models get eccv16"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other data folders")
def test_shelf_is_in_the_data_folder_by_default(bundled: Path, tmp_path: Path) -> None:  # noqa: ARG001
    assert shelf_folder() == tmp_path / "data" / "rechroma" / "models"
    path = add_to_shelf(write_model(tmp_path / "x.onnx", name="portraits"))
    assert path == shelf_folder() / "portraits.onnx"
    assert model_names() == ["plain", "portraits", "vivid"]
    assert find_model("portraits") == path


def test_added_model_is_found_and_removed(bundled: Path, own: Path, tmp_path: Path) -> None:  # noqa: ARG001
    file = write_model(tmp_path / "x.onnx")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert add_to_shelf(file, "scenery", sha256=digest.upper()) == own / "scenery.onnx"
    assert (own / "scenery.onnx").read_bytes() == file.read_bytes()
    assert remove_from_shelf("scenery") == own / "scenery.onnx"
    assert model_names() == ["mine", "plain", "vivid"]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "x.onnx", "plain", "default", "a\nb"])
def test_bad_names_are_rejected(bundled: Path, own: Path, name: str) -> None:  # noqa: ARG001
    with pytest.raises(OptionError) as caught:
        shelf_path(name)
    assert "--as" in str(caught.value.hint)


def test_rejected_file_is_not_added(bundled: Path, own: Path, tmp_path: Path) -> None:  # noqa: ARG001
    file = write_model(tmp_path / "x.onnx")
    (tmp_path / "net.pth").write_bytes(b"weights")
    with pytest.raises(ModelIntegrityError, match=rf"x\.onnx.*{'0' * 64} was expected"):
        add_to_shelf(file, "x", sha256="0" * 64)
    with pytest.raises(ModelContractError, match=r"net\.pth") as caught:
        add_to_shelf(tmp_path / "net.pth", "x")
    assert "models import" in str(caught.value.hint)
    with pytest.raises(SourceError, match="gone"):
        add_to_shelf(tmp_path / "gone.onnx", "x")
    with pytest.raises(TargetError, match="already") as taken:
        add_to_shelf(file, "mine")
    assert "rechroma models remove mine" in str(taken.value.hint)
    with room_for(100), pytest.raises(TargetError, match=r"x\.onnx"):
        add_to_shelf(file, "x")
    assert [path.name for path in own.iterdir()] == ["mine.onnx"]


def test_only_models_of_the_shelf_are_removed(bundled: Path, own: Path) -> None:
    with pytest.raises(OptionError, match="bundled"):
        remove_from_shelf("plain")
    for name in ("min", "../bundled/plain"):
        with pytest.raises(ModelNotFoundError, match=name):
            remove_from_shelf(name)
    assert (bundled / "plain.onnx").exists()
    assert (own / "mine.onnx").exists()


def test_packaged_index_is_valid() -> None:
    for name, entry in published_models().items():
        assert entry.name == name
        assert entry.url.startswith(("https://", "hf://"))
        assert entry.page.startswith("https://")
        assert entry.sha256 is None or re.fullmatch("[0-9a-f]{64}", entry.sha256)
        assert bool(entry.sha256) == bool(entry.sha256_from)
        assert entry.size is None or entry.size > 1_000_000


def test_docs_list_the_index() -> None:
    rows = (Path(__file__).parents[3] / "docs" / "models.md").read_text("utf-8").splitlines()
    for entry in published_models().values():
        described = [row for row in rows if row.startswith(f"| `{entry.name}` |")]
        row = next(row for row in described if entry.page in row)  # other tables have rows, too
        for part in (entry.paper, entry.license, entry.page, entry.url, entry.sha256 or "unknown"):
            assert part in row


def test_packaged_manifest_is_valid() -> None:
    manifest = json.loads((store.BUNDLED / "manifest.json").read_text("utf-8"))
    assert set(manifest) == {"default", "models"}
    for entry in manifest["models"].values():
        digest = hashlib.sha256((store.BUNDLED / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"]


def test_name_that_is_too_long_for_a_file_is_not_found(own: Path) -> None:  # noqa: ARG001
    for name in ("x" * 300, "x" * 300 + ".onnx"):
        with pytest.raises(ModelNotFoundError):
            find_model(name)


def test_hidden_files_and_folders_are_no_models(bundled: Path, own: Path) -> None:  # noqa: ARG001
    (own / "._mine.onnx").write_bytes(b"companion file of macOS")
    (own / "folder.onnx").mkdir()
    assert [card.name for card in list_models()] == ["mine", "plain", "vivid"]
    with pytest.raises(ModelNotFoundError):
        remove_from_shelf("folder")
