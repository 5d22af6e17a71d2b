"""Atomic writes: a file appears complete or not at all, and failed writes leave nothing behind.

After a power failure this holds only for files written with `durable`, which waits for the disk.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from errno import EACCES, EDQUOT, ENOSPC, ENOTDIR
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import OptionError, TargetError, TargetExistsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_PERMISSIONS = 0o777
_UNWRITTEN = "The result was not written."
_CLUTTER = {  # in lower case: of Synology, QNAP, Windows and macOS
    *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),
    *("$recycle.bin", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
    *("__macosx", "lost+found"),
}


def write_atomically(
    path: Path,
    data: bytes | Callable[[BinaryIO], object],
    *,
    overwrite: bool,
    durable: bool = False,
    like: Path | None = None,
    keep_time: bool = False,
    hint: str = _UNWRITTEN,
) -> None:
    """Write a temporary file in the target's folder, then rename it.

    Missing folders are created. On any failure, Ctrl-C included, the temporary file is deleted and
    the target stays as it was. A symbolic link is kept, and the file it points to is written.

    Args:
        path: The target.
        data: The content, or a function that writes it to the given file.
        overwrite: Whether to replace an existing file.
        durable: Whether to return only when the file is on the disk, so that it survives a power
            failure.
        like: A file whose permissions the target gets, where the system has such.
        keep_time: Whether the target gets the modification time of `like`, too.
        hint: Hint of the error if the file system refuses.

    Raises:
        TargetExistsError: The target exists, and `overwrite` is false.
        TargetError: The target is not a regular file (a folder, a device, a pipe), or the file
            system refused: no access, disk full.
    """
    check_target(path, overwrite=overwrite)
    with translate_os_errors(path, hint):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        # An unguessable name, in the same folder so that renaming is atomic.
        temporary = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with temporary.open("x+b") as file:
                if like and os.name == "posix" and like.is_file():
                    with suppress(PermissionError):  # such as on a network share
                        temporary.chmod(like.stat().st_mode & _PERMISSIONS)
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    data(file)
                if durable:  # before the rename, or a power failure could leave an empty file
                    file.flush()
                    os.fsync(file.fileno())
            if like and keep_time and like.is_file():
                times = like.stat()
                os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
            if overwrite or not _link_exclusively(temporary, target):
                temporary.replace(target)
            if durable:
                _sync_folder(target.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def check_target(path: Path, *, overwrite: bool) -> None:
    """Check before the work whether a file could be written.

    Args:
        path: The target.
        overwrite: Whether to replace an existing file.

    Raises:
        TargetExistsError: The target exists, and `overwrite` is false.
        TargetError: The target is not a regular file or cannot be accessed, or its folder is not
            writable.
    """
    if "\0" in str(path):
        raise TargetError(f"{str(path)!r} is not a valid file name", hint=_UNWRITTEN)
    with translate_os_errors(path):
        if path.exists() and not path.is_file():
            raise TargetError(f"{path} is not a regular file", hint=_UNWRITTEN)
    if os.path.lexists(path) and not overwrite:
        raise _exists(path)
    with translate_os_errors(path):
        parents = Path(os.path.realpath(path)).parents
        folder = next((parent for parent in parents if parent.exists()), parents[-1])
        if not folder.is_dir():
            raise NotADirectoryError(ENOTDIR, f"{folder} is not a folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, f"the folder {folder} is not writable")


def make_path_key() -> Callable[[Path], tuple[str, str]]:
    """Return a function that identifies a file by its real folder, resolved once per folder."""

    @cache
    def real(folder: str) -> str:
        with suppress(ValueError):  # a NUL in the name
            return os.path.realpath(folder)
        return folder

    def key(path: Path) -> tuple[str, str]:
        folder, name = os.path.split(path)
        return real(folder), name

    return key


def check_is_other_file(target: Path, source: Path) -> None:
    """Check that a target is not its own source.

    Raises:
        TargetExistsError: It is.
    """
    with suppress(OSError):  # one cannot be accessed; reading or writing it will say why
        if target.samefile(source):
            raise TargetExistsError(
                f"{target} is the photograph itself, which is never replaced",
                hint="Choose another target.",
            )


def to_path(path: object) -> Path:
    """Return a path that a caller gave.

    Raises:
        OptionError: It is none.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise OptionError(f"{path!r:.60} is not a path", hint="Give the path of an image file.")
    return Path(path)


def file_sha256(path: Path) -> str:
    """Compute the SHA-256 of a file in hexadecimal; an `OSError` if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_clutter(name: str) -> bool:
    """Return whether a file or folder is hidden, or kept by a system for itself.

    Such are recycle bins, and the thumbnails of network storage: copies of photographs that are
    no photographs of their own.
    """
    return name.startswith(".") or name.lower() in _CLUTTER


@contextmanager
def translate_os_errors(path: Path, hint: str = _UNWRITTEN) -> Iterator[None]:
    """Raise each `OSError` as a `TargetError` that names the path."""
    try:
        yield
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror or error}", hint=hint) from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Create a folder if it is missing, and lock it against other processes that lock it.

    Temporary files that a killed process left in it are deleted.

    Raises:
        TargetError: Another process has locked it, or the file system refuses.
    """
    from filelock import FileLock, Timeout

    hint = "Name another folder with -o."
    lock = FileLock(folder / ".lock", timeout=0)
    with translate_os_errors(folder, hint):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:  # an OSError, too
            raise TargetError(f"{folder}: is in use by another run", hint=hint) from error
    try:
        with translate_os_errors(folder, hint):
            for leftover in folder.glob(".*.part"):
                leftover.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def is_disk_full(error: BaseException | None) -> bool:
    """Check whether a full disk, or a full quota, is the cause of an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            return True
        error = error.__cause__
    return False


def _exists(path: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{path} already exists", hint="Choose another target, or allow overwriting it."
    )


def _sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, where the system can open folders."""
    with suppress(OSError):  # Windows and some network shares cannot
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _link_exclusively(temporary: Path, target: Path) -> bool:
    """Create the target unless it exists by now; returns false where hard links do not work."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:
        return False
    return True
