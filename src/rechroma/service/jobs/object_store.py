"""Uploads and results in an object store such as S3, or any file system of fsspec."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from fsspec.core import url_to_fs

from rechroma.errors import OptionError, RechromaError, SourceError, TargetError
from rechroma.fs import translate_os_errors
from rechroma.service.jobs.files import ORPHANED_AFTER, CountedReader, copy, zip_results
from rechroma.service.jobs.types import OpenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rechroma.service.jobs.types import ImageRecord, StoredFile

_log = logging.getLogger(__name__)


class RemoteFileStore:
    """A :class:`~rechroma.service.jobs.protocols.FileStore` at a URL like `s3://bucket/folder`.

    Args:
        url: An fsspec URL; credentials come from the environment, as for its own tools.

    Raises:
        OptionError: The protocol is unknown, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            # Other machines write there too, so that a cached listing goes stale.
            self._system, path = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise OptionError(
                f"RECHROMA_FILES: unsupported protocol {url.partition(':')[0]!r}",
                hint="S3 needs the extra 's3'; others need their fsspec package.",
            ) from error
        self._root = path.rstrip("/")
        self._last_listed = -ORPHANED_AFTER

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """Store an uploaded image."""
        reader = CountedReader(stream)
        self._write(self._path(job_id, f"{number}.source"), lambda file: copy(reader, file))
        return reader.stored(number)

    def get_source(self, job_id: str, number: int) -> bytes:
        """Read an uploaded image."""
        with _translate_errors(SourceError):
            return cast("bytes", self._system.cat_file(self._path(job_id, f"{number}.source")))

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """Store a result."""
        self._write(self._path(job_id, f"{number}.result"), write)

    def get_result(self, job_id: str, number: int) -> OpenFile:
        """Open a result."""
        return self._open(self._path(job_id, f"{number}.result"))

    def get_archive(self, job_id: str, images: Iterable[ImageRecord]) -> OpenFile:
        """Return all results as one zip file."""
        path = self._path(job_id, "results.zip")
        with suppress(FileNotFoundError):
            return self._open(path)

        def write(file: BinaryIO) -> None:
            try:
                zip_results(file, images, lambda number: self.get_result(job_id, number).stream)
            except FileNotFoundError as error:
                raise SourceError("a result is missing") from error

        self._write(path, write)
        return self._open(path)

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """Delete uploaded images."""
        for number in numbers:
            self._delete(self._path(job_id, f"{number}.source"))

    def delete(self, job_id: str) -> None:
        """Delete all files of a job."""
        self._delete(self._path(job_id))

    def list_orphans(self, id_prefix: str) -> Iterator[str]:
        """List jobs whose files are old enough to be orphans; at most once an hour."""
        if time.monotonic() - self._last_listed < ORPHANED_AFTER:
            return
        self._last_listed = time.monotonic()
        with suppress(FileNotFoundError), _translate_errors(SourceError, FileNotFoundError):
            for path in self._system.ls(self._root, detail=False):
                name = path.rstrip("/").rpartition("/")[2]
                if name.startswith(id_prefix) and self._is_old(path):
                    yield name

    def _path(self, *names: str) -> str:
        return "/".join((self._root, *names))

    def _open(self, path: str) -> OpenFile:
        with _translate_errors(SourceError, FileNotFoundError):
            stream = self._system.open(path, "rb")
            return OpenFile(stream, self._system.size(path), f"{self._system.checksum(path):x}")

    def _write(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a file that becomes visible only when it is complete."""
        # Some formats need a seekable file; and errors of `write` are not errors of the target.
        with TemporaryFile() as local:
            with translate_os_errors(Path(path)):
                write(local)
            with _translate_errors(TargetError):
                try:
                    self._upload(local, path)
                except FileNotFoundError:  # file systems with real folders
                    for folder in (self._root, path.rpartition("/")[0]):
                        with suppress(FileExistsError):
                            self._system.mkdir(folder, create_parents=False)
                    self._upload(local, path)

    def _upload(self, local: BinaryIO, path: str) -> None:
        local.seek(0)
        file = self._system.open(path, "wb", autocommit=False)
        try:
            copy(local, file)
            file.close()
            file.commit()
        except BaseException:
            file.discard()
            raise

    def _delete(self, path: str) -> None:
        """Delete a path if it exists; what cannot be deleted is found again as an orphan."""
        with suppress(FileNotFoundError):
            try:
                self._system.rm(path, recursive=True)
            except FileNotFoundError:
                raise
            except Exception:
                _log.exception("files could not be deleted")

    def _is_old(self, path: str) -> bool:
        before = time.time() - ORPHANED_AFTER
        times = [self._system.modified(file).timestamp() for file in self._system.find(path)]
        # An empty folder may be that of an upload which is about to begin.
        return bool(times) and max(times) < before


@contextmanager
def _translate_errors(
    kind: type[RechromaError], passed: type[Exception] = RechromaError
) -> Iterator[None]:
    """Translate arbitrary exceptions of an fsspec file system into an error of ours."""
    try:
        yield
    except (RechromaError, passed):
        raise
    except Exception as error:
        raise kind(f"the file store failed: {type(error).__name__}") from error
