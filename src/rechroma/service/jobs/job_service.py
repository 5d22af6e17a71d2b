"""Submission and retrieval of jobs: the facade over job store, file store and runner."""

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
    ResultNotFoundError,
    StoreError,
)
from rechroma.service.jobs.files import result_name
from rechroma.service.jobs.types import JobCursor, JobRecord, JobState, NewJob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rechroma.service.jobs.protocols import FileStore, JobRunner, JobStore
    from rechroma.service.jobs.types import ImageRecord, OpenFile, Upload
    from rechroma.service.schemas import ColorizeRequest

_log = logging.getLogger(__name__)


class ResultFile(NamedTuple):
    """The result of a job: an image file, or a zip file if `format` is None."""

    content: Path | OpenFile
    format: str | None
    name: str


class JobService:
    """Submits jobs and serves their results.

    Args:
        store: The state of jobs.
        files: Uploads and results.
        keep: Retention time of results in seconds.
    """

    def __init__(self, store: JobStore, files: FileStore, keep: float) -> None:
        self._store = store
        self._files = files
        self._keep = keep

    def submit(
        self,
        images: Sequence[Upload],
        request: ColorizeRequest,
        owner: str,
        runner: JobRunner,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
    ) -> JobRecord:
        """Queue a job, or return the earlier job with the same idempotency key.

        Raises:
            OverloadedError: The queue is full.
            EmptyImageError: One of the images is empty.
            IdempotencyConflictError: The key was used for a different request.
            TargetError: The disk is full.
            StoreError: The job store cannot be written.
        """
        job_id = self._store.id_prefix() + secrets.token_urlsafe(16)
        digest = hashlib.sha256(f"{request.model_dump_json()} {webhook_url}".encode())
        sizes = []
        try:
            for number, image in enumerate(images, 1):
                stored = self._files.put_source(job_id, number, image.stream)
                digest.update(stored.digest.encode())
                sizes.append(stored.size)
            new = NewJob(
                id=job_id,
                owner=owner,
                request=request,
                names=tuple(image.name for image in images),
                fingerprint=digest.hexdigest(),
                idempotency_key=idempotency_key,
                webhook_url=webhook_url,
                sizes=tuple(sizes),
            )
            job = self._store.add(new)
        except StoreError:
            raise  # the job may be stored and only the reply lost; otherwise its files are orphans
        except BaseException:
            self._files.delete(job_id)
            raise
        if job.id == job_id:
            runner.notify(job)
            return job
        self._files.delete(job_id)
        if job.fingerprint != new.fingerprint:
            raise IdempotencyConflictError(
                "this Idempotency-Key was used for a different request",
                hint="Use a new key for each new job.",
            )
        return job

    def get(self, job_id: str, owner: str) -> JobRecord:
        """Look up a job of that owner.

        Raises:
            JobNotFoundError: There is none.
        """
        job = self._store.get(job_id)
        if job is None or job.owner != owner:
            raise JobNotFoundError("there is no such job", hint="It may have been deleted.")
        return job

    def list_jobs(
        self, owner: str, count: int, after: JobCursor | None = None
    ) -> tuple[list[JobRecord], JobCursor | None]:
        """List up to `count` jobs of that owner, the newest first.

        Args:
            owner: The owner.
            count: Maximum number of jobs.
            after: The cursor that the call for the page before returned.

        Returns:
            The jobs, and the cursor of the next page; None after the last job.
        """
        found = self._store.list_jobs(owner, count + 1, after)
        page = found[:count]
        return page, JobCursor(page[-1].created, page[-1].id) if len(found) > count else None

    def delete(self, job_id: str, owner: str) -> None:
        """Delete a job with all its files.

        Raises:
            JobNotFoundError: The owner has no such job.
        """
        job = self.get(job_id, owner)
        self._store.delete(job.id)
        self._files.delete(job.id)

    def get_result(self, job: JobRecord) -> ResultFile:
        """Return the result of a job: its image, or a zip file for a job of several images.

        Raises:
            JobExpiredError: The result has been deleted after its retention time.
            JobNotReadyError: The job has not ended, or it failed.
        """
        _check_kept(job)
        if job.state is JobState.FAILED:
            raise JobNotReadyError(
                "the job failed and has no result", hint="The job itself gives the reason."
            )
        if job.state is not JobState.DONE:
            raise JobNotReadyError("the job has not ended yet", hint="Try again later.")
        done = [image for image in job.images if image.state is JobState.DONE]
        if len(job.images) > 1:
            return ResultFile(self._files.get_archive(job.id, done), None, "results.zip")
        (image,) = done
        return self._result_of(job, image)

    def get_named_result(self, job: JobRecord, name: str) -> ResultFile:
        """Return the result of one image of a job, which need not have ended.

        Args:
            job: The job.
            name: The name of the result, see :func:`name_of_result`.

        Raises:
            JobExpiredError: The result has been deleted after its retention time.
            ResultNotFoundError: No image that is done has a result of that name.
        """
        _check_kept(job)
        for image in job.images:
            if name_of_result(job, image) == name:
                return self._result_of(job, image)
        raise ResultNotFoundError(
            "no image that is done has a result of that name",
            hint="The job lists the names of its results, each once its image is done.",
        )

    def _result_of(self, job: JobRecord, image: ImageRecord) -> ResultFile:
        content = self._files.get_result(job.id, image.number)
        return ResultFile(content, image.format, result_name(image))

    def cleanup(self) -> None:
        """Delete expired results and orphaned files."""
        for job_id in self._store.expire(self._keep):
            self._files.delete(job_id)
        for job_id in self._files.list_orphans(self._store.id_prefix()):
            job = self._store.get(job_id)
            if job is None or job.expired:
                _log.warning("deleting the orphaned files of job %s", job_id)
                self._files.delete(job_id)


def name_of_result(job: JobRecord, image: ImageRecord) -> str | None:
    """Return the name of an image's result, unique in its job; None if the image is not done.

    In a job of several images it starts with the number of the image, as in the zip.
    """
    if image.state is not JobState.DONE or job.expired:
        return None
    return result_name(image, numbered=len(job.images) > 1)


def _check_kept(job: JobRecord) -> None:
    if job.state is JobState.EXPIRED:
        raise JobExpiredError("the result was deleted after its retention time")
