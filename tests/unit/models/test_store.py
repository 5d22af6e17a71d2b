from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from rechroma.errors import ModelContractError, ModelIntegrityError, ModelNotFoundError
from rechroma.models import find_model, list_models, model_names, store
from tests.support.models import write_model

if TYPE_CHECKING:
    from pathlib import Path


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
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with a model `mine`."""
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


def test_packaged_manifest_is_valid() -> None:
    manifest = json.loads((store.BUNDLED / "manifest.json").read_text("utf-8"))
    assert set(manifest) == {"default", "models"}
    for entry in manifest["models"].values():
        digest = hashlib.sha256((store.BUNDLED / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"]
