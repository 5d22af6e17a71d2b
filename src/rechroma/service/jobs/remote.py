"""The pictures of jobs in a store of objects, such as S3: whatever fsspec knows the address of."""

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
    """Keeps :class:`rechroma.service.jobs.FileStore` at a URL such as `s3://bucket/folder`.

    Args:
        url: As fsspec reads it; keys to it come from the environment that its own tools use.

    Raises:
        OptionError: No such file system is known, or what it needs is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            # Other machines write there, too: what was listed before is not true for ever.
            self._system, path = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise OptionError(
                f"RECHROMA_FILES: there is no way to {url.partition(':')[0]!r} here",
                hint="S3 needs the extra 's3', others their package for fsspec.",
            ) from error
        self._root = path.rstrip("/")
        self._looked = -ORPHANED_AFTER

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """See :meth:`rechroma.service.jobs.FileStore.put_source`."""
        reader = CountedReader(stream)
        self._write(self._path(job_id, f"{number}.source"), lambda file: copy(reader, file))
        return reader.kept(number)

    def get_source(self, job_id: str, number: int) -> bytes:
        """See :meth:`rechroma.service.jobs.FileStore.get_source`."""
        with _told(SourceError):
            return cast("bytes", self._system.cat_file(self._path(job_id, f"{number}.source")))

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.put_result`."""
        self._write(self._path(job_id, f"{number}.result"), write)

    def get_result(self, job_id: str, number: int) -> OpenFile:
        """See :meth:`rechroma.service.jobs.FileStore.get_result`."""
        return self._content(self._path(job_id, f"{number}.result"))

    def get_archive(self, job_id: str, pictures: Iterable[ImageRecord]) -> OpenFile:
        """See :meth:`rechroma.service.jobs.FileStore.get_archive`."""
        path = self._path(job_id, "results.zip")
        with suppress(FileNotFoundError):
            return self._content(path)
        self._write(path, lambda file: self._zip(file, job_id, pictures))
        return self._content(path)

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.delete_sources`."""
        for number in numbers:
            self._remove(self._path(job_id, f"{number}.source"))

    def delete(self, job_id: str) -> None:
        """See :meth:`rechroma.service.jobs.FileStore.delete`."""
        self._remove(self._path(job_id))

    def list_orphans(self, mark: str) -> Iterator[str]:
        """See :meth:`rechroma.service.jobs.FileStore.list_orphans`; it looks once an hour."""
        if time.monotonic() - self._looked < ORPHANED_AFTER:
            return
        self._looked = time.monotonic()
        with suppress(FileNotFoundError), _told(SourceError, FileNotFoundError):
            for path in self._system.ls(self._root, detail=False):
                name = path.rstrip("/").rpartition("/")[2]
                if name.startswith(mark) and self._is_old(path):
                    yield name

    def _path(self, *names: str) -> str:
        return "/".join((self._root, *names))

    def _content(self, path: str) -> OpenFile:
        with _told(SourceError, FileNotFoundError):
            stream = self._system.open(path, "rb")
            return OpenFile(stream, self._system.size(path), f"{self._system.checksum(path):x}")

    def _write(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a file that is there as soon as it is whole."""
        # Some formats need a file that can be sought in while it is written; and what is wrong with
        # the content is not taken for a fault of where it goes.
        with TemporaryFile() as local:
            with translate_os_errors(Path(path)):
                write(local)
            with _told(TargetError):
                try:
                    self._upload(local, path)
                except FileNotFoundError:  # where folders are made
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

    def _zip(self, file: BinaryIO, job_id: str, pictures: Iterable[ImageRecord]) -> None:
        try:
            zip_results(file, pictures, lambda number: self.get_result(job_id, number).stream)
        except FileNotFoundError as error:
            raise SourceError("a result is gone") from error

    def _remove(self, path: str) -> None:
        """Without a word where there is nothing; what stays is an orphan, and is met again."""
        with suppress(FileNotFoundError):
            try:
                self._system.rm(path, recursive=True)
            except FileNotFoundError:
                raise
            except Exception:
                _log.exception("files were not removed")

    def _is_old(self, path: str) -> bool:
        files = self._system.find(path)
        return all(
            self._system.modified(file).timestamp() < time.time() - ORPHANED_AFTER for file in files
        )


@contextmanager
def _told(kind: type[RechromaError], passed: type[Exception] = RechromaError) -> Iterator[None]:
    """Turn what a file system raises, which may be anything else, into an error of ours."""
    try:
        yield
    except (RechromaError, passed):
        raise
    except Exception as error:
        raise kind(f"the files of jobs: {type(error).__name__}") from error
