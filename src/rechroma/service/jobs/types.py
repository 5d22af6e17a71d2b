"""What a job is, and what its store and its runner keep, whatever they are built on."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from rechroma.service.schemas import ColorizeRequest, Problem, ResultInfo


class JobState(StrEnum):
    """Where a job or one of its pictures is; a picture is never expired."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Upload:
    """A picture that somebody sent.

    Attributes:
        name: To tell the results apart; never a path.
        stream: The file's content.
    """

    name: str
    stream: BinaryIO


@dataclass(frozen=True)
class ImageRecord:
    """A picture of a job.

    Attributes:
        number: Its place in the job, from 1.
        name: What the user calls it.
        state: How far it is.
        result: Its format and what is known of its source, once it is done.
        problem: Why it failed.
    """

    number: int
    name: str
    state: JobState
    result: ResultInfo | None = None
    problem: Problem | None = None

    @property
    def format(self) -> str | None:
        """Of the result, by Pillow's name."""
        return self.result.format if self.result else None


@dataclass(frozen=True)
class JobRecord:
    """A job as the store knows it.

    Attributes:
        id: Its name, which nobody can guess.
        owner: Whose it is: what stands for a key, or "" where there are no keys.
        created: Seconds since the epoch; as for `ended`.
        ended: When the last picture was done or failed.
        expired: Whether the result is gone.
        pictures: By their numbers.
        fingerprint: Of what was sent.
    """

    id: str
    owner: str
    created: float
    ended: float | None
    expired: bool
    images: tuple[ImageRecord, ...]
    fingerprint: str = ""

    @property
    def counts(self) -> Counter[JobState]:
        """How many of the pictures are in each state."""
        return Counter(picture.state for picture in self.images)

    @property
    def state(self) -> JobState:
        """Done if any of the pictures is, after the last."""
        if self.expired:
            return JobState.EXPIRED
        counts = self.counts
        if self.ended is not None:
            return JobState.DONE if counts[JobState.DONE] else JobState.FAILED
        return JobState.QUEUED if counts[JobState.QUEUED] == len(self.images) else JobState.RUNNING


@dataclass(frozen=True)
class NewJob:
    """A job that is to be entered.

    Attributes:
        id: A name that nobody can guess.
        owner: See :class:`JobRecord`.
        request: What is asked for.
        names: Of the pictures.
        fingerprint: Of all that was sent.
        idempotency_key: The Idempotency-Key, if there was one.
        webhook_url: The URL that is to hear of its end, if any.
        sizes: Of the pictures' files, in bytes; a runner may begin with the small ones.
    """

    id: str
    owner: str
    request: ColorizeRequest
    names: tuple[str, ...]
    fingerprint: str
    idempotency_key: str | None = None
    webhook_url: str | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class ImageTask:
    """A picture that is to be colored now."""

    job_id: str
    number: int
    name: str
    request: ColorizeRequest


@dataclass(frozen=True)
class TaskResult:
    """What became of a picture: a result, or a problem."""

    result: ResultInfo | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class WebhookDelivery:
    """Somebody who is to hear now that a job has ended.

    Attributes:
        job: The job.
        url: Who.
        attempt: Which this is, from 1.
    """

    job: JobRecord
    url: str
    attempt: int


def new_id_prefix() -> str:
    """A mark for a table of jobs that no other has; see :meth:`JobStore.id_prefix`."""
    return f"{secrets.token_hex(6)}-"


class JobStore(Protocol):
    """The table of jobs. It may be used from several threads, and by several processes at once.

    Every method raises `StoreError` where the table cannot be read or written, and `TargetError`
    where the disk is full.
    """

    def id_prefix(self) -> str:
        """What the names of all jobs of this table begin with, and those of no other table."""
        ...

    def add(self, job: NewJob) -> JobRecord:
        """Enter a job. Where this raises `StoreError`, it may have been entered all the same.

        Returns:
            The job; an earlier one where owner and repeat key are the same.

        Raises:
            OverloadedError: Too many pictures wait already.
        """
        ...

    def get(self, job_id: str) -> JobRecord | None:
        """The job of that name."""
        ...

    def delete(self, job_id: str) -> None:
        """Forget a job, whatever its state."""
        ...

    def finish(self, task: ImageTask, worker: str, outcome: TaskResult) -> bool:
        """Write down what became of a picture.

        Args:
            task: The picture.
            worker: Who has colored it.
            outcome: What became of it.

        Returns:
            Whether it counts: False where the job is forgotten, or the picture another's.
        """
        ...

    def expire(self, keep: float) -> list[str]:
        """Let go of what has ended long ago.

        Args:
            keep: Seconds that a result is kept, and the word that there was one thereafter.

        Returns:
            The jobs whose files are to be removed.
        """
        ...

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """Somebody who has not heard yet that a job has ended.

        Args:
            lease: Seconds until it is given out again, unless it is put off.
        """
        ...

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """Let a callback wait so many seconds; None for ever, since it was heard or given up."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many pictures there are in each state."""
        ...

    def close(self) -> None:
        """Let go of the table."""
        ...


class StoredFile(NamedTuple):
    """A picture that was put down.

    Attributes:
        digest: The SHA-256 of its content.
        size: In bytes.
    """

    digest: str
    size: int


@dataclass(frozen=True)
class OpenFile:
    """A file that lies elsewhere, open to be read.

    Attributes:
        stream: Can be sought in; is to be closed.
        size: In bytes.
        tag: Another one stands for another content.
    """

    stream: BinaryIO
    size: int
    tag: str


class FileStore(Protocol):
    """The pictures of jobs and their results. Each is seen whole or not at all.

    What cannot be written raises `TargetError`, what cannot be read `SourceError`.
    """

    def put_source(self, job_id: str, number: int, stream: BinaryIO) -> StoredFile:
        """Keep a picture that was sent.

        Raises:
            EmptyImageError: It is empty.
        """
        ...

    def get_source(self, job_id: str, number: int) -> Path | bytes:
        """A picture that was sent: where it lies, or what it holds."""
        ...

    def put_result(self, job_id: str, number: int, write: Callable[[BinaryIO], object]) -> None:
        """Write a result."""
        ...

    def get_result(self, job_id: str, number: int) -> Path | OpenFile:
        """A result: where it lies, or what it holds.

        Raises:
            FileNotFoundError: There is none; of a path it is told as it is opened.
        """
        ...

    def get_archive(self, job_id: str, pictures: Iterable[ImageRecord]) -> Path | OpenFile:
        """The results as one zip, which is made when it is first asked for."""
        ...

    def delete_sources(self, job_id: str, numbers: Iterable[int]) -> None:
        """Let go of pictures that are not needed any more."""
        ...

    def delete(self, job_id: str) -> None:
        """Remove all files of a job."""
        ...

    def list_orphans(self, mark: str) -> Iterator[str]:
        """Jobs with files that have not been touched for long: nobody may know of them.

        Args:
            mark: What their names begin with. All else there is somebody else's.
        """
        ...


class JobRunner(Protocol):
    """Sees to it that the pictures of jobs are colored."""

    def start(self) -> None:
        """Begin with what waits."""
        ...

    def notify(self, job: JobRecord) -> None:
        """Hear that there is a new job."""
        ...

    def stop(self) -> None:
        """End after the pictures in hand; what waits is for the next start."""
        ...
