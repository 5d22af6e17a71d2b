"""What goes to the terminal: lines on stderr, and names that cannot play tricks on it."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

import click

# Controls, line ends, what turns the direction of text, and bytes of a name that are no UTF-8.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""A text from outside, such as a file's name, on one line: control characters as `\x1b`."""
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def say(line: str) -> None:
    """Write a line to stderr; that nobody is there to read it is no failure."""
    try:
        click.echo(printable(line), err=True)
    except OSError:
        drop_output(sys.stderr)


def drop_output(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere, or Python would try again at its end."""
    with suppress(OSError, ValueError):  # a stream without a file behind it holds nothing
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
