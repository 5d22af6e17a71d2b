"""Interfaces of the job store, the file store and the job runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from rechroma.service.jobs.types import (
        ImageRecord,
        JobCursor,
        JobRecord,
        NewJob,
        OpenFile,
        StoredFile,
        TaskResult,
        WebhookDelivery,
    )


class JobStore(Protocol):
    """The state of all jobs, shared by threads and processes.

    Every method raises `StoreError` if the store cannot be read or written, and `TargetError` if
    its disk is full.
    """

    def id_prefix(self) -> str:
        """Return the job-id prefix unique to this store."""
        ...

    def add(self, job: NewJob) -> JobRecord:
        """Store a job. After a `StoreError` the job may have been stored nevertheless.

        Returns:
            The stored job; an earlier one with the same owner and idempotency key, if any.

        Raises:
            OverloadedError: The queue is full.
        """
        ...

    def get(self, job_id: str) -> JobRecord | None:
        """Look up a job by its id."""
        ...

    def list_jobs(self, owner: str, count: int, after: JobCursor | None) -> list[JobRecord]:
        """List up to `count` jobs of an owner, the newest first, from behind a cursor."""
        ...

    def delete(self, job_id: str) -> None:
        """Delete a job in any state."""
        ...

    def finish(self, job_id: str, number: int, holder: str, result: TaskResult) -> bool:
        """Record the result of an image.

        Args:
            job_id: The job.
            number: The number of the image.
            holder: The name of the server, or the id of the message, that holds the image.
            result: A result or a problem.

        Returns:
            Whether it was recorded: False if the job was deleted, the image has ended already, or
            it has another holder by now.
        """
        ...

    def expire(self, keep: float) -> list[str]:
        """Expire old results, and delete jobs that expired long ago.

        Args:
            keep: Retention time of results in seconds, and of expired jobs thereafter.

        Returns:
            The ids of jobs whose files are to be deleted.
        """
        ...

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """Take on a webhook that is due.

        Args:
            lease: Seconds until it is due again, unless it is rescheduled.
        """
        ...

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """Make a webhook due in that many seconds; None drops it, delivered or given up."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Count the images in each state."""
        ...

    def close(self) -> None:
        """Close the connection to the store."""
        ...


class FileStore(Protocol):
    """The uploaded images and results of jobs. Readers never see a partly written file.

    Failed writes raise `TargetError`, failed reads `SourceError`.
    """

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """Store an uploaded image.

        Raises:
            EmptyImageError: The stream is empty.
        """
        ...

    def get_source(self, job_id: str, number: int) -> Path | bytes:
        """Return the path or the content of an uploaded image."""
        ...

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """Store a result that `write` writes to a file."""
        ...

    def get_result(self, job_id: str, number: int) -> Path | OpenFile:
        """Return the path of a result, or open it.

        Raises:
            FileNotFoundError: There is none; a path raises it when it is opened.
        """
        ...

    def get_archive(self, job_id: str, images: Iterable[ImageRecord]) -> Path | OpenFile:
        """Return the results as one zip file, which the first call creates."""
        ...

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """Delete uploaded images."""
        ...

    def delete(self, job_id: str) -> None:
        """Delete all files of a job."""
        ...

    def list_orphans(self, id_prefix: str) -> Iterator[str]:
        """List jobs whose files are old enough to be orphans.

        Args:
            id_prefix: Of the store's job ids; files of other stores are left alone.
        """
        ...


class JobRunner(Protocol):
    """Runs the images of queued jobs."""

    def start(self) -> None:
        """Start with the images that are queued."""
        ...

    def notify(self, job: JobRecord) -> None:
        """Notify the runner of a new job."""
        ...

    def stop(self) -> None:
        """Stop after the images that are running; queued ones wait for the next start."""
        ...
