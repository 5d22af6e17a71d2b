"""Error reporting: a line, a hint, an exit code, and a traceback with --debug only."""

from __future__ import annotations

import pytest

from rechroma import colorizer
from tests.support.command import MakePhoto, Run


@pytest.mark.parametrize(
    "words",
    [
        ["--debug", "models", "info", "nope"],
        ["models", "--debug", "info", "nope"],
        ["models", "info", "--debug", "nope"],
        ["models", "info", "nope", "--debug"],
    ],
)
def test_debug_works_anywhere_on_the_command_line(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 78
    assert "Traceback" in result.stderr
    assert "rechroma: error: there is no model 'nope'" in result.stderr


def test_error_is_two_lines_without_debug(run: Run) -> None:
    result = run("models", "info", "nope")
    assert result.exit_code == 78
    error, hint = result.stderr.splitlines()
    assert error == "rechroma: error: there is no model 'nope'"
    assert hint.startswith("hint: ")


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise an unexpected internal error."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("two lines\nof text")

    monkeypatch.setattr(colorizer, "Colorizer", fail)


@pytest.mark.usefixtures("fault")
def test_unexpected_error_suggests_debug(run: Run, photo: MakePhoto) -> None:
    photo("a.png")
    result = run("a.png")
    assert result.exit_code == 70
    assert result.stderr.splitlines() == [
        "rechroma: error: unexpected ZeroDivisionError: two lines",
        "hint: This is a bug in Rechroma: run again with --debug to see where.",
    ]


@pytest.mark.usefixtures("fault")
def test_unexpected_error_with_debug_shows_the_traceback(run: Run, photo: MakePhoto) -> None:
    photo("a.png")
    result = run("a.png", "--debug")
    assert result.exit_code == 70
    assert result.stderr.startswith("Traceback")
    assert "in fail" in result.stderr
    assert result.stderr.splitlines()[-2:] == [
        "rechroma: error: unexpected ZeroDivisionError: two lines",
        "hint: This is a bug in Rechroma: please report it.",
    ]


def test_debug_shows_the_traceback_of_a_failure_among_many(
    run: Run, photo: MakePhoto, model: str
) -> None:
    photo("box/a.png")
    photo("box/b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("box", "--debug", "--model", model)
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
