from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.cli.terminal import echo_err, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31m.jpg", r"a\x1b[31m.jpg"),
        ("two\nlines\r.jpg", r"two\nlines\r.jpg"),
        ("latin\udce9.jpg", r"latin\udce9.jpg"),
        ("gpj.\u202ecod.exe", r"gpj.\u202ecod.exe"),
        ("Größe 9\u202fPM 🙂.jpg", "Größe 9\u202fPM 🙂.jpg"),
    ],
)
def test_printable_escapes_control_characters(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text())
def test_printable_gives_one_line_for_any_text(name: str) -> None:
    shown = printable(name)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1


def test_echo_err_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    echo_err("a\x1bb")
    assert capsys.readouterr() == ("", "a\\x1bb\n")
