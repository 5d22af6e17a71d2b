"""Puts a file in its place all at once: nobody ever sees half of it."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import TargetError, TargetExistsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def write_atomically(
    path: Path, data: bytes | Callable[[BinaryIO], object], *, overwrite: bool
) -> None:
    """Write a file under a temporary name beside its place, then rename it.

    Folders that are missing are made. On any failure, Ctrl-C included, the temporary file is
    removed and what was at the place stays as it was.

    Args:
        path: The place.
        data: The content, or a function that writes it to the file it is given.
        overwrite: Whether to replace what is there.

    Raises:
        TargetExistsError: There is a file already, and `overwrite` is false.
        TargetError: The file system refused: access, a full disk, a folder at the place.
    """
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(path) as temporary:
            _fill(temporary, data)
            _move(temporary, path, overwrite=overwrite)
    except OSError as error:
        raise TargetError(
            f"{path}: {error.strerror or error}", hint="the result was not written"
        ) from error


def _exists(path: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{path} is already there", hint="allow overwriting, or choose another name"
    )


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A name that nobody can guess, in the same folder so that renaming is one step."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _fill(path: Path, data: bytes | Callable[[BinaryIO], object]) -> None:
    with path.open("xb") as file:
        if isinstance(data, bytes):
            file.write(data)
        else:
            data(file)


def _move(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if not overwrite and _linked(temporary, path):
        return
    temporary.replace(path)


def _linked(temporary: Path, path: Path) -> bool:
    """Put the file in its place only if nobody else was faster; False where links are unknown."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:
        return False
    return True
