"""Where jobs are taken in and given out: the store, the files and the runner under one hand."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import TYPE_CHECKING, NamedTuple

from rechroma.service.errors import (
    IdempotencyConflictError,
    JobExpiredError,
    JobNotFoundError,
    JobNotReadyError,
    StoreError,
)
from rechroma.service.jobs.files import result_name
from rechroma.service.jobs.types import JobRecord, JobState, NewJob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rechroma.service.jobs.types import (
        FileStore,
        JobRunner,
        JobStore,
        OpenFile,
        StoredFile,
        Upload,
    )
    from rechroma.service.schemas import ColorizeRequest

_log = logging.getLogger(__name__)


class ResultFile(NamedTuple):
    """The result of a job: a picture's file, or a zip where `format` is None."""

    content: Path | OpenFile
    format: str | None
    name: str


class JobService:
    """What the API does with jobs.

    Args:
        store: The table of jobs.
        files: The pictures.
        keep: Seconds that results are kept.
    """

    def __init__(self, store: JobStore, files: FileStore, keep: float) -> None:
        self._store = store
        self._files = files
        self._keep = keep

    def submit(
        self,
        pictures: Sequence[Upload],
        order: ColorizeRequest,
        owner: str,
        runner: JobRunner,
        idempotency_key: str | None = None,
        callback: str | None = None,
    ) -> JobRecord:
        """Take in a job; one that came before with the same key is not done again.

        Raises:
            OverloadedError: The queue is full.
            EmptyImageError: One of the pictures is empty.
            IdempotencyConflictError: The key came with something else before.
            TargetError: The disk is full.
            StoreError: The table of jobs cannot be written.
        """
        job_id = self._store.id_prefix() + secrets.token_urlsafe(16)
        try:
            kept = self._put(job_id, pictures)
            fingerprint = _fingerprint(order, callback, kept)
            names = tuple(picture.name for picture in pictures)
            sizes = tuple(picture.size for picture in kept)
            new = NewJob(job_id, owner, order, names, fingerprint, idempotency_key, callback, sizes)
            job = self._store.add(new)
        except StoreError:
            raise  # the job may be entered, and only the answer lost; if not, they are orphans
        except BaseException:
            self._files.delete(job_id)
            raise
        if job.id != job_id:
            self._files.delete(job_id)
            _check_same(job, fingerprint)
        else:
            runner.notify(job)
        return job

    def get(self, job_id: str, owner: str) -> JobRecord:
        """The job, if it is that owner's.

        Raises:
            JobNotFoundError: It is not, or there is none.
        """
        job = self._store.get(job_id)
        if job is None or job.owner != owner:
            raise JobNotFoundError("there is no such job", hint="It may have been deleted.")
        return job

    def delete(self, job_id: str, owner: str) -> None:
        """Forget a job with all its files.

        Raises:
            JobNotFoundError: There is none of that owner's.
        """
        job = self.get(job_id, owner)
        self._store.delete(job.id)
        self._files.delete(job.id)

    def get_result(self, job: JobRecord) -> ResultFile:
        """The file of a job's result.

        Raises:
            JobExpiredError: It is gone.
            JobNotReadyError: It is not there yet, or the job failed.
        """
        _check_ready(job)
        done = [picture for picture in job.images if picture.state is JobState.DONE]
        if len(job.images) > 1:
            return ResultFile(self._files.get_archive(job.id, done), None, "results.zip")
        (picture,) = done
        content = self._files.get_result(job.id, picture.number)
        return ResultFile(content, picture.format, result_name(picture))

    def cleanup(self) -> None:
        """Let go of results that were kept for their time, and of files that nobody knows."""
        for job_id in self._store.expire(self._keep):
            self._files.delete(job_id)
        for job_id in self._files.list_orphans(self._store.id_prefix()):
            job = self._store.get(job_id)
            if job is None or job.expired:
                _log.warning("the files of job %s are removed: nobody knows of them", job_id)
                self._files.delete(job_id)

    def _put(self, job_id: str, pictures: Sequence[Upload]) -> list[StoredFile]:
        return [
            self._files.put_source(job_id, number, picture.stream)
            for number, picture in enumerate(pictures, 1)
        ]


def _fingerprint(order: ColorizeRequest, callback: str | None, kept: Sequence[StoredFile]) -> str:
    """Of all that was sent."""
    whole = hashlib.sha256(f"{order.model_dump_json()} {callback}".encode())
    for picture in kept:
        whole.update(picture.digest.encode())
    return whole.hexdigest()


def _check_same(job: JobRecord, fingerprint: str) -> None:
    if job.fingerprint != fingerprint:
        raise IdempotencyConflictError(
            "this Idempotency-Key came with another request before",
            hint="Take a new key for each new job.",
        )


def _check_ready(job: JobRecord) -> None:
    if job.state is JobState.EXPIRED:
        raise JobExpiredError("the result was kept for its time, and is gone")
    if job.state is JobState.FAILED:
        raise JobNotReadyError(
            "the job failed, and has no result", hint="Ask for the job: it says why."
        )
    if job.state is not JobState.DONE:
        raise JobNotReadyError("the job has not ended yet", hint="Ask again later.")
