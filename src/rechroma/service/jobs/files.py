"""The pictures of jobs as files: one folder for each job, named by the service alone."""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import EmptyImageError, SourceError
from rechroma.fs import translate_os_errors, write_atomically
from rechroma.imaging import FORMATS
from rechroma.service.jobs.types import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rechroma.service.jobs.types import ImageRecord

CHUNK = 1 << 20
"""Bytes that are copied at a time."""

ORPHANED_AFTER = 3600.0
"""Seconds until files that nobody knows are removed: an upload may take its time."""

_log = logging.getLogger(__name__)
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed one, so that ranges of two requests fit together


class LocalFileStore:
    """Keeps :class:`rechroma.service.jobs.FileStore` in a folder, which several machines may share.

    Args:
        folder: Is for this alone; it is made where it is missing, and closed to other users.

    Raises:
        TargetError: It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with translate_os_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            close_to_others(folder, 0o700)

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """See :meth:`rechroma.service.jobs.FileStore.put_source`."""
        reader = CountedReader(stream)
        path = self.get_source(job_id, number)
        write_atomically(path, lambda file: copy(reader, file), overwrite=True)
        return reader.kept(number)

    def get_source(self, job_id: str, number: int) -> Path:
        """See :meth:`rechroma.service.jobs.FileStore.get_source`."""
        return self._folder / job_id / f"{number}.source"

    def get_result(self, job_id: str, number: int) -> Path:
        """See :meth:`rechroma.service.jobs.FileStore.get_result`."""
        return self._folder / job_id / f"{number}.result"

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.put_result`."""
        write_atomically(self.get_result(job_id, number), write, overwrite=True)

    def get_archive(self, job_id: str, pictures: Iterable[ImageRecord]) -> Path:
        """See :meth:`rechroma.service.jobs.FileStore.get_archive`."""
        path = self._folder / job_id / "results.zip"

        def open_result(number: int) -> BinaryIO:
            return _opened(self.get_result(job_id, number))

        if not path.exists():
            write_atomically(
                path, lambda file: zip_results(file, pictures, open_result), overwrite=True
            )
        return path

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.delete_sources`."""
        for number in numbers:
            self.get_source(job_id, number).unlink(missing_ok=True)

    def delete(self, job_id: str) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.delete`."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def list_orphans(self, mark: str) -> Iterator[str]:
        """See :meth:`rechroma.service.jobs.FileStore.list_orphans`."""
        before = time.time() - ORPHANED_AFTER
        for path in self._folder.glob(f"{mark}*"):
            if path.stat().st_mtime < before:
                yield path.name


def close_to_others(path: Path, mode: int) -> None:
    """Take from all but its owner what they may do with a file or folder.

    What people send is for the owner's eyes only.

    Args:
        path: Is there already.
        mode: What the owner may do, such as 0o600.
    """
    try:
        path.chmod(mode)
    except PermissionError:  # somebody else's, or of a file system without owners
        _log.warning("%s may be open to other users of this computer", path)


class CountedReader:
    """Reads a picture that somebody sends, and learns what it is while it passes.

    Args:
        stream: Its content.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size = 0

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most; none after the last."""
        chunk = self._stream.read(size)
        self._digest.update(chunk)
        self._size += len(chunk)
        return chunk

    def kept(self, number: int) -> StoredFile:
        """What the picture of that number was.

        Raises:
            EmptyImageError: Nothing.
        """
        if not self._size:
            raise EmptyImageError(f"picture {number} is empty")
        return StoredFile(self._digest.hexdigest(), self._size)


def copy(source: CountedReader | BinaryIO, target: BinaryIO) -> None:
    """Write all that the source holds."""
    while chunk := source.read(CHUNK):
        target.write(chunk)


def zip_results(
    file: BinaryIO, pictures: Iterable[ImageRecord], open_result: Callable[[int], BinaryIO]
) -> None:
    """Write the results of a job as one zip.

    Args:
        file: Where it goes.
        pictures: Those with a result.
        open_result: Opens the one of that number.
    """
    # The pictures are compressed already.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for picture in pictures:
            entry = zipfile.ZipInfo(result_name(picture, numbered=True), _ZIP_DATE)
            with (
                open_result(picture.number) as source,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target, CHUNK)


def result_name(picture: ImageRecord, *, numbered: bool = False) -> str:
    """What the result of a picture is called where a user keeps it."""
    suffix = FORMATS[picture.format or "PNG"][0]
    stem = picture.name or "picture"
    return f"{picture.number:03}-{stem}.color{suffix}" if numbered else f"{stem}.color{suffix}"


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
