"""Each clause of the contract, violated by a real model file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto

from rechroma.errors import ModelContractError
from rechroma.models import find_model, load_model, read_card
from rechroma.models.contract import peek_card
from tests.support.models import (
    CARD,
    CHROMA,
    DISTRIBUTION,
    HINTS,
    LIGHTNESS,
    Tensor,
    write_model,
    write_tensors,
)

if TYPE_CHECKING:
    from pathlib import Path

WITH_HINTS = json.dumps(CARD | {"hints": True})
WITH_BINS = json.dumps(CARD | {"bins": [[0, 0], [10, 0], [0, 10]]})


@pytest.mark.parametrize(
    ("inputs", "outputs", "card"),
    [
        ([LIGHTNESS], [CHROMA], None),
        ([LIGHTNESS, HINTS], [CHROMA], WITH_HINTS),
        ([LIGHTNESS], [CHROMA, DISTRIBUTION], WITH_BINS),
    ],
)
def test_valid_models_are_accepted(
    tmp_path: Path, inputs: list[Tensor], outputs: list[Tensor], card: str | None
) -> None:
    path = write_tensors(tmp_path / "model.onnx", inputs, outputs, card)
    assert read_card(path).name == "tiny"


@pytest.mark.parametrize(
    ("inputs", "outputs", "card", "part"),
    [
        ([], [CHROMA], None, "input 'lightness' is missing"),
        ([Tensor("image", LIGHTNESS.shape)], [CHROMA], None, "input 'lightness' is missing"),
        ([LIGHTNESS, HINTS], [CHROMA], None, "unknown input 'hints'"),
        ([LIGHTNESS], [CHROMA], WITH_HINTS, "input 'hints' is missing"),
        ([LIGHTNESS], [DISTRIBUTION], WITH_BINS, "output 'chroma' is missing"),
        ([LIGHTNESS], [CHROMA, Tensor("rgb", CHROMA.shape)], None, "unknown output 'rgb'"),
        ([LIGHTNESS], [CHROMA, DISTRIBUTION], None, "output 'distribution'.*0 channels, not 3"),
        ([Tensor("lightness", ("N", 3, "H", "W"))], [CHROMA], None, "1 channels, not 3"),
        ([Tensor("lightness", ("N", "C", "H", "W"))], [CHROMA], None, "dynamic number"),
        ([Tensor("lightness", ("N", 1, "H"))], [CHROMA], None, "4 dimensions, not 3"),
        ([Tensor("lightness", ("N", 1, 256, 256))], [CHROMA], None, "dynamic N, height and width"),
        ([Tensor("lightness", (1, 1, "H", "W"))], [CHROMA], None, "dynamic N, height and width"),
        (
            [Tensor("lightness", LIGHTNESS.shape, TensorProto.UINT8)],
            [CHROMA],
            None,
            "must be float32",
        ),
        (
            [LIGHTNESS],
            [Tensor("chroma", CHROMA.shape, TensorProto.FLOAT16)],
            None,
            "output 'chroma' must be float32",
        ),
        ([LIGHTNESS], [Tensor("chroma", ("N", 3, "h", "w"))], None, "2 channels, not 3"),
        ([LIGHTNESS], [CHROMA], json.dumps(CARD | {"scale": 3}), "stride 8.*scale 3"),
        ([LIGHTNESS], [CHROMA], "", "no model card"),
        ([LIGHTNESS], [CHROMA], "{", "not JSON"),
    ],
)
def test_invalid_model_names_the_file_and_the_part(
    tmp_path: Path, inputs: list[Tensor], outputs: list[Tensor], card: str | None, part: str
) -> None:
    path = write_tensors(tmp_path / "model.onnx", inputs, outputs, card)
    with pytest.raises(ModelContractError, match=part) as caught:
        load_model(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09" * 50])
def test_other_file_is_rejected(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelContractError, match="ONNX Runtime") as caught:
        load_model(path)
    assert "\n" not in caught.value.message
    assert capfd.readouterr().err == ""


def test_truncated_model_is_rejected(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelContractError, match=r"model\.onnx"):
        load_model(path)


def test_peek_card_reads_the_same_card(tmp_path: Path) -> None:
    for path in (find_model(), write_model(tmp_path / "a.onnx", hints=True, bins=[[0, 0], [9, 0]])):
        assert peek_card(path) == read_card(path)


def test_peek_card_rejects_other_files(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx")
    whole = path.read_bytes()
    for content in (
        *(whole[:length] for length in range(0, len(whole), 7)),
        b"Dear model",
        b"\xff" * 9,
    ):
        path.write_bytes(content)
        with pytest.raises(ModelContractError, match=r"model\.onnx"):
            peek_card(path)
    write_tensors(path, [LIGHTNESS], [CHROMA], '{"format": 1}')
    with pytest.raises(ModelContractError, match=r"model\.onnx: the model card is broken"):
        peek_card(path)
