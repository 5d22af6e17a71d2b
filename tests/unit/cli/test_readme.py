"""The commands of the README, run as they are written."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image
from skimage import data

import rechroma.service.errors  # noqa: F401 - part of the tree
from rechroma.cli.batch_run import TRUNCATED_CODE
from rechroma.errors import OptionError, RechromaError
from tests.support.command import MakePhoto, Run, is_colored

ROOT = Path(__file__).parents[3]
SHORTER = ("steps=1", "batch_size=2", "workers=0", "crops.sizes=[32]", "crops.size_shares=[1.0]")


def commands(heading: str) -> list[list[str]]:
    """Split the commands of the first block under a heading into words."""
    section = (ROOT / "README.md").read_text("utf-8").split(f"## {heading}\n")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block
    return [shlex.split(line) for line in block[1].replace("\\\n", " ").splitlines()]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make a folder of forty crops of color photographs."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        whole = (data.astronaut, data.coffee, data.chelsea, data.rocket)[number % 4]()
        top, left = (int(rng.integers(0, side - 150)) for side in whole.shape[:2])
        Image.fromarray(whole[top : top + 150, left : left + 150]).save(folder / f"{number}.png")
    return folder


@pytest.mark.usefixtures("images")
def test_training_commands_work(run: Run, tmp_path: Path, photo: MakePhoto) -> None:
    photo("photo.jpg")
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    for program, *words in commands("Train and evaluate"):
        assert program == "rechroma"
        quicker = [word for setting in SHORTER for word in ("--set", setting)]
        done = run(*words, *(quicker if words[0] in {"train", "finetune"} else ()))
        assert done.exit_code == 0, (words, done.output)
    assert is_colored(tmp_path / "photo.color.jpg")
    assert (tmp_path / "val.jpg").is_file()


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("help_of", [("train",), ("data", "pack")])
def test_examples_of_help_work(run: Run, tmp_path: Path, help_of: tuple[str, ...]) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    assert run("data", "pack", "images", "-o", "shards").exit_code == 0
    shown = run(*help_of, "--help").output.replace("\\\n", " ")
    (example,) = re.findall(r"^ +rechroma (train recipes.*)$", shown, re.MULTILINE)
    quicker = [word for setting in SHORTER for word in ("--set", setting)]
    done = run(*shlex.split(example), *quicker)
    assert done.exit_code == 0, done.output


def exit_codes(error: type[RechromaError]) -> set[int]:
    """Collect the exit codes of the concrete errors of a tree."""
    children = error.__subclasses__()
    return set().union(*map(exit_codes, children)) if children else {error.exit_code}


def test_exit_codes_are_those_of_the_errors() -> None:
    section = (ROOT / "README.md").read_text("utf-8").split("### Exit codes\n")[1].split("\n## ")[0]
    codes = [
        int(code) for code in re.findall(r"\d+", " ".join(re.findall(r"^\|([^|]*)", section, re.M)))
    ]
    signals = {128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    usage = {click.UsageError.exit_code, OptionError.exit_code}
    assert codes == sorted({0, 1, TRUNCATED_CODE} | usage | exit_codes(RechromaError) | signals)
