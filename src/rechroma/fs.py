"""Puts a file in its place all at once: nobody ever sees half of it."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from errno import EACCES, ENOTDIR
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import TargetError, TargetExistsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_UNWRITTEN = "The result was not written."


def write_atomically(
    path: Path, data: bytes | Callable[[BinaryIO], object], *, overwrite: bool
) -> None:
    """Write a file under a temporary name beside its place, then rename it.

    Folders that are missing are made. On any failure, Ctrl-C included, the temporary file is
    removed and what was at the place stays as it was. Of a symbolic link, what it points at is
    written, and the link stays.

    Args:
        path: The place.
        data: The content, or a function that writes it to the file it is given.
        overwrite: Whether to replace what is there.

    Raises:
        TargetExistsError: There is a file already, and `overwrite` is false.
        TargetError: There is something else than a file (a folder, a device, a pipe), or the file
            system refused: access, a full disk.
    """
    check_target(path, overwrite=overwrite)
    with translate_os_errors(path):
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(place) as temporary:
            _fill(temporary, data)
            _move(temporary, place, overwrite=overwrite)


def check_target(path: Path, *, overwrite: bool) -> None:
    """See whether a file could be written to a place, as far as that can be seen beforehand.

    Args:
        path: The place.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        TargetExistsError: There is a file already, and `overwrite` is false.
        TargetError: There is something else than a file, nothing may be written into the folder,
            or the place cannot be looked at.
    """
    if "\0" in str(path):
        raise TargetError(f"{str(path)!r} cannot be a file's name", hint=_UNWRITTEN)
    with translate_os_errors(path):
        if path.exists() and not path.is_file():
            raise TargetError(f"{path} is no file that could be replaced", hint=_UNWRITTEN)
    if os.path.lexists(path) and not overwrite:
        raise _exists(path)
    _check_folder(path)


def _check_folder(path: Path) -> None:
    """See whether the file can be made in its folder, or that folder in the next that is there."""
    with translate_os_errors(path):
        parents = Path(os.path.realpath(path)).parents
        folder = next((parent for parent in parents if parent.exists()), parents[-1])
        if not folder.is_dir():
            raise NotADirectoryError(ENOTDIR, f"{folder} is no folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, f"nothing may be written into {folder}")


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Turn what the file system says inside into a `TargetError` with the place's name."""
    try:
        yield
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror or error}", hint=_UNWRITTEN) from error


def _exists(path: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{path} is already there", hint="Choose another target, or ask to overwrite it."
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
