"""Uploads and results in a local folder, with one subfolder per job named by its id."""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import EmptyImageError, SourceError
from rechroma.fs import translate_os_errors, write_atomically
from rechroma.imaging import FORMATS, SUFFIXES
from rechroma.service.jobs.types import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rechroma.service.jobs.types import ImageRecord

CHUNK = 1 << 20
"""Copy buffer size in bytes."""

ORPHANED_AFTER = 3600.0
"""Age in seconds from which files of an unknown job count as orphans; uploads may be slow."""

_log = logging.getLogger(__name__)
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that range requests see the same bytes


class LocalFileStore:
    """A :class:`~rechroma.service.jobs.protocols.FileStore` in a folder, local or on a share.

    Args:
        folder: Dedicated to the store; created if missing, and made private to its owner.

    Raises:
        TargetError: The folder cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with translate_os_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            close_to_others(folder, 0o700)

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """Store an uploaded image."""
        reader = CountedReader(stream)
        path = self.get_source(job_id, number)
        write_atomically(path, lambda file: copy(reader, file), overwrite=True, durable=True)
        return reader.stored(number)

    def get_source(self, job_id: str, number: int) -> Path:
        """Return the path of an uploaded image."""
        return self._folder / job_id / f"{number}.source"

    def get_result(self, job_id: str, number: int) -> Path:
        """Return the path of a result."""
        return self._folder / job_id / f"{number}.result"

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """Store a result."""
        write_atomically(self.get_result(job_id, number), write, overwrite=True, durable=True)

    def get_archive(self, job_id: str, images: Iterable[ImageRecord]) -> Path:
        """Return all results as one zip file."""
        path = self._folder / job_id / "results.zip"

        def open_result(number: int) -> BinaryIO:
            result = self.get_result(job_id, number)
            try:
                return result.open("rb")
            except OSError as error:
                raise SourceError(f"{result}: {error.strerror}") from error

        if not path.exists():
            write_atomically(
                path, lambda file: zip_results(file, images, open_result), overwrite=True
            )
        return path

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """Delete uploaded images."""
        for number in numbers:
            path = self.get_source(job_id, number)
            with translate_os_errors(path, "The upload was not deleted."):
                path.unlink(missing_ok=True)

    def delete(self, job_id: str) -> None:
        """Delete all files of a job."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def list_orphans(self, id_prefix: str) -> Iterator[str]:
        """List jobs whose files are old enough to be orphans."""
        before = time.time() - ORPHANED_AFTER
        for path in self._folder.glob(f"{id_prefix}*"):
            with suppress(FileNotFoundError):  # another server or worker has deleted it
                if path.stat().st_mtime < before:
                    yield path.name


def close_to_others(path: Path, mode: int) -> None:
    """Make an existing file or folder private to its owner: uploads are confidential.

    Args:
        path: The file or folder.
        mode: Permissions for the owner only, such as 0o600.
    """
    try:
        path.chmod(mode)
    except PermissionError:  # owned by another user, or a file system without owners
        _log.warning("%s may be readable by other users of this computer", path)


class CountedReader:
    """Computes the digest and the size of an upload while it is read.

    Args:
        stream: The content of the upload.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size = 0

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; none at the end."""
        chunk = self._stream.read(size)
        self._digest.update(chunk)
        self._size += len(chunk)
        return chunk

    def stored(self, number: int) -> StoredFile:
        """Describe what was read for the image of that number.

        Raises:
            EmptyImageError: Nothing was read.
        """
        if not self._size:
            raise EmptyImageError(f"image {number} is empty")
        return StoredFile(self._digest.hexdigest(), self._size)


def copy(source: CountedReader | BinaryIO, target: BinaryIO) -> None:
    """Copy the source to the target."""
    while chunk := source.read(CHUNK):
        target.write(chunk)


def zip_results(
    file: BinaryIO, images: Iterable[ImageRecord], open_result: Callable[[int], BinaryIO]
) -> None:
    """Write the results of a job as one zip.

    Args:
        file: The zip file.
        images: Those with a result.
        open_result: Opens the result with a given number.
    """
    # The images are compressed already.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for image in images:
            entry = zipfile.ZipInfo(result_name(image, numbered=True), _ZIP_DATE)
            with (
                open_result(image.number) as source,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target, CHUNK)


def result_name(image: ImageRecord, *, numbered: bool = False) -> str:
    """Return the file name under which a user saves the result of an image."""
    suffix = FORMATS[image.format or "PNG"][0]
    stem = split_name(image.name)[0] or "image"
    return f"{image.number:03}-{stem}.color{suffix}" if numbered else f"{stem}.color{suffix}"


def split_name(name: str) -> tuple[str, str]:
    """Split the name of an image into its stem and its suffix, "" if it is that of no format."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if f".{suffix.lower()}" in SUFFIXES else (name, "")
