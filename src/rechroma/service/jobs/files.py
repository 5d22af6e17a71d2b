"""The pictures of jobs as files: one folder for each job, named by the service alone."""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rechroma.errors import EmptyImageError, SourceError
from rechroma.imaging import FORMATS, refusals, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rechroma.service.jobs.base import Picture

_CHUNK = 1 << 20
_ORPHANED_AFTER = 3600.0  # seconds: an upload may take its time
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed one, so that ranges of two requests fit together


class Files:
    """The folder of pictures and results.

    Args:
        folder: Is made where it is missing.

    Raises:
        TargetError: It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with refusals(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, job_id: str, number: int, stream: BinaryIO) -> str:
        """Keep a picture that was sent.

        Returns:
            The SHA-256 of its content.

        Raises:
            EmptyImageError: It is empty.
            TargetError: It cannot be written, such as for a full disk.
        """
        digest, size = hashlib.sha256(), 0

        def copy(file: BinaryIO) -> None:
            nonlocal size
            for chunk in _chunks(stream):
                digest.update(chunk)
                size += file.write(chunk)

        write_atomically(self.source(job_id, number), copy, overwrite=True)
        if not size:
            raise EmptyImageError(f"picture {number} is empty")
        return digest.hexdigest()

    def source(self, job_id: str, number: int) -> Path:
        """Where a picture lies that was sent."""
        return self._folder / job_id / f"{number}.source"

    def result(self, job_id: str, number: int) -> Path:
        """Where its result lies."""
        return self._folder / job_id / f"{number}.result"

    def keep(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """Write a result.

        Raises:
            TargetError: It cannot be written.
        """
        write_atomically(self.result(job_id, number), write, overwrite=True)

    def archive(self, job_id: str, pictures: Iterable[Picture]) -> Path:
        """The results as one zip, which is made when it is first asked for.

        Raises:
            SourceError: A result is gone.
            TargetError: It cannot be written.
        """
        path = self._folder / job_id / "results.zip"
        if not path.exists():
            write_atomically(path, lambda file: self._zip(file, job_id, pictures), overwrite=True)
        return path

    def drop_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """Let go of pictures that are not needed any more."""
        for number in numbers:
            self.source(job_id, number).unlink(missing_ok=True)

    def remove(self, job_id: str) -> None:
        """Remove all files of a job."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def orphans(self) -> Iterator[str]:
        """Jobs with files that have not been touched for long: nobody may know of them."""
        before = time.time() - _ORPHANED_AFTER
        for path in self._folder.iterdir():
            if path.stat().st_mtime < before:
                yield path.name

    def _zip(self, file: BinaryIO, job_id: str, pictures: Iterable[Picture]) -> None:
        # The pictures are compressed already.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for picture in pictures:
                entry = zipfile.ZipInfo(result_name(picture, numbered=True), _ZIP_DATE)
                with (
                    _opened(self.result(job_id, picture.number)) as source,
                    archive.open(entry, "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target, _CHUNK)


def result_name(picture: Picture, *, numbered: bool = False) -> str:
    """What the result of a picture is called where a user keeps it."""
    suffix = FORMATS[picture.format or "PNG"][0]
    stem = Path(picture.name).stem or "picture"
    return f"{picture.number:03}-{stem}.color{suffix}" if numbered else f"{stem}.color{suffix}"


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
