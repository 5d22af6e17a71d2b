"""Terminal: lines on stderr with control characters escaped."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

import click

# Control characters, line ends, bidirectional overrides, and bytes of a name that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Escape control characters of untrusted text, such as a file's name, as `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def echo_err(line: str) -> None:
    """Write a line to stderr; a closed stderr is not an error."""
    try:
        click.echo(printable(line), err=True)
    except OSError:
        drop_output(sys.stderr)


def drop_output(stream: TextIO) -> None:
    """Discard what a stream still buffers; Python would try to flush it again at exit."""
    with suppress(OSError, ValueError):  # a stream without a file behind it holds nothing
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
