"""Loading of exported models: rejected files; `tests/unit/export` loads valid ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from rechroma.errors import CheckpointError, ModelContractError, RecipeError
from rechroma.networks import load_exported
from tests.support.models import write_model


def test_load_exported_rejects_a_model_without_an_architecture(tmp_path: Path) -> None:
    path = write_model(tmp_path / "tiny.onnx")
    with pytest.raises(CheckpointError, match=r"tiny\.onnx: does not name the network") as caught:
        load_exported(path)
    assert "rechroma export" in str(caught.value.hint)


def test_load_exported_rejects_a_model_without_the_weights(tmp_path: Path) -> None:
    plan = {"name": "rechroma", "options": {"widths": [16, 8, 8, 8]}}
    with pytest.raises(CheckpointError, match=r"lacks the network's 'ab\.bias'"):
        load_exported(write_model(tmp_path / "tiny.onnx", network=plan))


def test_load_exported_rejects_another_version_of_the_network(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    write_model(path, network={"name": "rechroma", "options": {"depth": 9}})
    with pytest.raises(RecipeError, match="no option 'depth'"):
        load_exported(path)
    write_model(path, network={"name": "newer", "options": {}})
    with pytest.raises(RecipeError, match="no network is called 'newer'"):
        load_exported(path)


def test_load_exported_rejects_other_files(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    for name in ("text.onnx", "absent.onnx"):
        with pytest.raises(ModelContractError, match=name):
            load_exported(tmp_path / name)
