from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rechroma
from rechroma.cli.root import root_command
from tests.support.command import MakePhoto, Run, Shell, is_colored

if TYPE_CHECKING:
    import click

HEAVY = {"numpy", "cv2", "PIL", "onnxruntime", "rich", "skimage", "torch"}
WATCH_IMPORTS = """
import json, sys
from rechroma.cli import main
sys.argv = ["rechroma", *{arguments}]
try:
    main()
finally:
    print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["colorize", "--help"],
        ["models", "--help"],
        ["models", "info", "--help"],
        ["demo", "--help"],
    ],
)
def test_version_and_help_import_nothing_heavy(arguments: list[str]) -> None:
    code = WATCH_IMPORTS.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


def test_version_is_printed(run: Run) -> None:
    assert run("--version").output == f"rechroma, version {rechroma.__version__}\n"


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["colorize", "-h"], ["demo", "-h"]])
def test_help_shows_examples(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert "\n    rechroma " in result.output


def test_every_command_and_option_is_explained() -> None:
    def walk(command: click.Command) -> None:
        assert command.help
        for option in command.params:
            assert option.param_type_name == "argument" or option.help, option
        for child in getattr(command, "commands", {}).values():
            walk(child)

    walk(root_command)


def test_no_arguments_show_the_help(run: Run) -> None:
    assert "rechroma photo.jpg" in run().output


@pytest.mark.parametrize(
    ("typed", "meant"), [("modles", "models"), ("colourize", "colorize"), ("dmeo", "demo")]
)
def test_mistyped_command_gets_a_suggestion(run: Run, typed: str, meant: str) -> None:
    result = run(typed)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_unknown_word_gets_the_list_of_commands(run: Run) -> None:
    result = run("xyzzy")
    assert result.exit_code == 2
    assert "colorize, restore, models, demo" in result.stderr


class TestShortForm:
    @pytest.mark.parametrize(
        "order",
        [
            ["photo.png", "--model", "{model}"],
            ["--model", "{model}", "photo.png"],
            ["--model={model}", "photo.png"],
            ["--debug", "photo.png", "--model", "{model}"],
            ["-omade.png", "photo.png", "--model", "{model}"],
        ],
    )
    def test_colorize_is_implied(
        self, run: Run, photo: MakePhoto, model: str, order: list[str]
    ) -> None:
        source = photo("photo.png")
        result = run(*[word.format(model=model) for word in order])
        assert result.exit_code == 0, result.output
        name = "made.png" if "-omade.png" in order else "photo.color.png"
        assert is_colored(source.with_name(name))

    def test_folder_pattern_and_pipe_imply_colorize(
        self, run: Run, photo: MakePhoto, model: str
    ) -> None:
        source = photo("box/photo.png")
        assert run("box", "-o", "a", "--model", model).exit_code == 0
        assert run("box/*.png", "-o", "b", "--model", model).exit_code == 0
        piped = run("-", "-o", "c.png", "--model", model, stdin=source.read_bytes())
        assert piped.exit_code == 0
        for made in ("a/photo.png", "b/photo.png", "c.png"):
            assert is_colored(source.parent.parent / made)

    def test_missing_photo_is_not_taken_for_a_command(self, run: Run) -> None:
        result = run("photo.jpg")
        assert result.exit_code == 66
        assert result.stderr.startswith("rechroma: error: photo.jpg: ")

    def test_words_after_two_dashes_are_photos(
        self, run: Run, photo: MakePhoto, model: str
    ) -> None:
        made = photo("-o.png").with_name("-o.color.png")
        assert run("--model", model, "--", "-o.png").exit_code == 0
        assert is_colored(made)
        assert "already exists" in run("--", "-o.png").stderr
        assert run("--", "models").exit_code == 66

    @pytest.mark.parametrize("name", ["-dash.jpg", "-quiet.jpg", "-old.jpg", "--long.jpg"])
    @pytest.mark.parametrize("command", [[], ["colorize"]])
    def test_file_name_like_an_option_gets_advice(
        self, run: Run, command: list[str], name: str
    ) -> None:
        result = run(*command, name)
        assert result.exit_code == 2
        assert f"If '{name}' is a file, write ./{name} or -- {name}." in result.stderr

    def test_wrong_option_gets_no_advice_about_files(self, run: Run) -> None:
        assert " is a file" not in run("photo.jpg", "--nope").stderr
        assert " is a file" not in run("--", "--nope").stderr

    def test_command_takes_precedence_over_a_file(self, run: Run, photo: MakePhoto) -> None:
        photo("models/photo.png")
        assert "Usage: " in run("models", "--help").output


def test_runs_as_a_module(shell: Shell) -> None:
    done = shell("--version")
    assert done.returncode == 0
    assert done.stdout.decode().strip() == f"rechroma, version {rechroma.__version__}"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", ["--help", "--version", "colorize --help", "models list --json"])
def test_output_to_a_full_disk_is_an_error(words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rechroma", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 73
    assert done.stderr == b"rechroma: error: stdout: No space left on device\n"
