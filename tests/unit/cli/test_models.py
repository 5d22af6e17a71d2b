from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import MakePhoto, Run, Shell
from tests.support.models import write_model
from tests.support.networks import SMALL

if TYPE_CHECKING:
    from rechroma.networks import ColorizationNetwork


@pytest.fixture(autouse=True)
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two user models."""
    folder = tmp_path / "own"
    folder.mkdir()
    write_model(folder / "portraits.onnx", description="For [bold]faces[/bold].", license="MIT")
    write_model(folder / "scenery.onnx", size=512)
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    monkeypatch.setenv("COLUMNS", "120")
    return folder


def test_list_prints_a_table(run: Run) -> None:
    result = run("models", "list")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["portraits", "1", "64", "px", "no", "MIT"] in [row[:6] for row in rows]
    assert ["scenery", "1", "512", "px", "no", "Apache-2.0"] in [row[:6] for row in rows]
    assert "For [bold]faces[/bold]." in result.stdout


def test_list_json_prints_the_cards(run: Run) -> None:
    cards = {card["name"]: card for card in json.loads(run("models", "list", "--json").stdout)}
    assert cards["scenery"]["size"] == 512
    assert cards["portraits"]["license"] == "MIT"


@pytest.mark.parametrize("model", ["scenery", "own/scenery.onnx"])
def test_info_prints_the_card(run: Run, model: str) -> None:
    result = run("models", "info", model)
    assert result.exit_code == 0
    words = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert words["license"].strip() == "Apache-2.0"
    assert words["size"].strip() == "512"
    assert words["authors"].strip() == "The Rechroma authors"
    assert words["data"].strip() == "nothing, CC0-1.0"
    assert words["metrics"].strip() == "auc: 50"
    assert words["hints"].strip() == "no"


def test_info_shortens_figures_and_keeps_lists_on_one_line(run: Run, own_models: Path) -> None:
    options = {"encoder": "resnet-50", "widths": [192, 128, 96], "film": True, "rate": 1.22}
    network = {"name": "rechroma", "options": options}
    metrics = {"hue_hit": 43.07087845794777, "shift": 0.00012345, "images": 12345.6, "nan": 3}
    write_model(own_models / "own.onnx", network=network, metrics=metrics, authors=["A", "B"])
    shown = run("models", "info", "own").stdout
    rows = [line.split() for line in shown.splitlines()]
    for row in (
        *("authors A, B", "metrics hue_hit: 43.07", "shift: 0.0001234", "images: 12346"),
        *("nan: 3", "network name: rechroma", "options:", "encoder: resnet-50"),
        *("widths: 192, 128, 96", "film: yes", "rate: 1.22"),
    ):
        assert row.split() in rows
    exact = json.loads(run("models", "info", "own", "--json").stdout)
    assert (exact["metrics"], exact["network"]) == (metrics, network)


def test_info_ends_with_the_data(run: Run) -> None:
    lines = run("models", "info").stdout.splitlines()
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names[0] == "name"
    assert names[-1] == "data"


def test_info_shows_long_entries_whole(
    run: Run, own_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    url = f"https://example.org/{'very-long-' * 12}list.csv"
    source = {"name": "A data set with a long name, too long for one line", "url": url}
    write_model(own_models / "long.onnx", data=[{**source, "license": "CC0-1.0"}])
    shown = "".join(run("models", "info", "long").stdout.split())
    assert url in shown
    assert source["name"].replace(" ", "") in shown


def test_image_is_not_a_model(run: Run, photo: MakePhoto) -> None:
    photo("x.jpg")
    for words in (("models", "info", "x.jpg"), ("x.jpg", "--model", "x.jpg")):
        result = run(*words)
        assert result.exit_code == 78
        error, hint = result.stderr.splitlines()
        assert (
            error == "rechroma: error: x.jpg is not a color model: color model files end in .onnx"
        )
        assert "'rechroma models list'" in hint


def test_info_json_prints_the_card(run: Run) -> None:
    card = json.loads(run("models", "info", "scenery", "--json").stdout)
    assert (card["stride"], card["scale"], card["size"]) == (8, 4, 512)


def test_mistyped_name_gets_a_suggestion(run: Run) -> None:
    result = run("models", "info", "scenry")
    assert result.exit_code == 78
    assert "Did you mean 'scenery'?" in result.stderr


def test_damaged_model_file_is_an_error(run: Run, tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.onnx").read_bytes()
    for content in (b"", b"Dear model", whole[: len(whole) // 2]):
        _assert_not_a_model(content, tmp_path / "letter.onnx", run)


def _assert_not_a_model(content: bytes, path: Path, run: Run) -> None:
    path.write_bytes(content)
    result = run("models", "info", path.name)
    assert result.exit_code == 78
    error, hint = result.stderr.splitlines()
    assert error == (
        "rechroma: error: letter.onnx is not a model that ONNX Runtime can load: "
        "it is damaged, or not an ONNX file"
    )
    assert "rechroma export" in hint


def test_list_names_a_broken_model_and_lists_the_others(run: Run, own_models: Path) -> None:
    (own_models / "torn.onnx").write_bytes(b"no model")
    result = run("models", "list")
    assert result.exit_code == 78
    assert "scenery" in result.stdout
    assert "torn.onnx" in result.stderr


def test_control_characters_in_cards_are_escaped(run: Run, own_models: Path) -> None:
    trick = "\x1b]0;mine\x07\n\x1b[2J"
    source = {"name": trick, "license": "MIT"}
    write_model(own_models / "trick.onnx", description=trick, authors=[trick], data=[source])
    for words in (["list"], ["info", "trick"]):
        stdout = run("models", *words).stdout
        assert r"\x1b]0;mine\x07\n" in stdout
        assert not set(stdout) & {"\x1b", "\x07"}


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of a network a tenth as wide as published, accepted as the published one."""
    import torch

    from rechroma.networks import create_network

    def small(name: str, _: object) -> ColorizationNetwork:
        return create_network(name, SMALL[name])

    monkeypatch.setattr("rechroma.networks.checkpoint_io.create_network", small)
    torch.save(small("siggraph17", {}).state_dict(), tmp_path / "published.pth")
    return tmp_path / "published.pth"


def test_imported_checkpoint_can_be_used(run: Run, checkpoint: Path, photo: MakePhoto) -> None:
    (checkpoint.parent / "card.json").write_text('{"version": "2", "size": 128}')
    result = run("models", "import", checkpoint, "--as", "siggraph17", "--card", "card.json")
    assert result.exit_code == 0, result.output
    assert "siggraph17.onnx: " in result.stdout
    card = json.loads(run("models", "info", "siggraph17.onnx", "--json").stdout)
    assert (card["name"], card["version"], card["size"]) == ("siggraph17", "2", 128)
    assert card["license"] == "BSD-2-Clause"
    assert "Richard Zhang" in card["authors"]
    assert card["data"][0]["name"] == "ImageNet"
    assert card["hints"] is True
    colored = run(photo("p.png"), "--model", "siggraph17.onnx", "-o", "c.png")
    assert colored.exit_code == 0, colored.output
    assert Path("c.png").exists()


def test_checkpoint_of_another_network_is_rejected_and_nothing_written(
    run: Run, checkpoint: Path
) -> None:
    before = sorted(checkpoint.parent.rglob("*"))
    result = run("models", "import", checkpoint, "--as", "eccv16")
    assert result.exit_code == 65
    assert "lacks the network's 'model_out.weight'" in result.stderr
    unknown = run("models", "import", checkpoint, "--as", "sigraph17")
    assert "no network is called 'sigraph17'" in unknown.stderr
    assert "siggraph17" in unknown.stderr
    absent = run("models", "import", "absent.pth", "--as", "eccv16")
    assert "absent.pth: cannot be read" in absent.stderr
    assert sorted(checkpoint.parent.rglob("*")) == before


def test_import_replaces_only_with_overwrite(run: Run, checkpoint: Path) -> None:
    words = ("models", "import", checkpoint, "--as", "siggraph17")
    Path("siggraph17.onnx").write_text("old")
    refused = run(*words)
    assert refused.exit_code == 73
    assert "siggraph17.onnx already exists" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert Path("siggraph17.onnx").read_text() == "old"
    assert run(*words, "--overwrite").exit_code == 0
    assert run("models", "info", "siggraph17.onnx").exit_code == 0


def test_arguments_are_checked_before_the_extra(
    run: Run, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.cli.preflight.find_spec", lambda _: None)
    for words, code, error in (
        (("absent.pth", "--as", "eccv16"), 66, "absent.pth: cannot be read"),
        ((checkpoint, "--as", "sigraph17"), 78, "no published network is called 'sigraph17'"),
        ((checkpoint, "--as", "eccv16", "--card", "absent.json"), 78, "absent.json: cannot be"),
        ((checkpoint, "--as", "eccv16"), 69, "needs torch"),
    ):
        refused = run("models", "import", *words)
        assert (refused.exit_code, error in refused.stderr) == (code, True), refused.stderr


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_harmful_pickle_is_one_error(shell: Shell, tmp_path: Path, protocol: int) -> None:
    (tmp_path / "x.pth").write_bytes(pickle.dumps({"model": Harmful()}, protocol))
    done = shell("models", "import", "x.pth", "--as", "eccv16")
    assert done.returncode == 65
    error, hint = done.stderr.decode().splitlines()
    assert error == "rechroma: error: x.pth: not a file of weights alone"
    assert hint.startswith("hint: ")
    assert not (tmp_path / "executed").exists()


class Harmful:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("executed", "w")
