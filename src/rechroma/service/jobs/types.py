"""Records of jobs, their images and files, independent of where they are stored."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from rechroma.service.schemas import ColorizeRequest, Problem, ResultInfo


class JobState(StrEnum):
    """The state of a job or of one of its images; only jobs expire."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Upload:
    """An image as a client sent it.

    Attributes:
        name: A label that identifies the result; never used as a path.
        stream: The content of the file.
    """

    name: str
    stream: BinaryIO


@dataclass(frozen=True)
class ImageRecord:
    """The state of one image of a job.

    Attributes:
        number: Position in the job, from 1.
        name: The user's name for it.
        state: Queued, running, done or failed.
        result: The properties of the result, once the image is done.
        problem: The reason for a failure.
    """

    number: int
    name: str
    state: JobState
    result: ResultInfo | None = None
    problem: Problem | None = None

    @property
    def format(self) -> str | None:
        """The format of the result by Pillow's name, once the image is done."""
        return self.result.format if self.result else None


@dataclass(frozen=True)
class JobRecord:
    """The state of a job.

    Attributes:
        id: An unguessable id.
        owner: The hash of the API key that submitted it, or "" for a service without keys.
        created: Time of submission in seconds since the epoch.
        ended: Time at which the last image was done or failed, in the same unit.
        expired: Whether the result has been deleted after its retention time.
        images: In order of their numbers.
        fingerprint: A digest of everything that was submitted.
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
        """The number of images in each state."""
        return Counter(image.state for image in self.images)

    @property
    def state(self) -> JobState:
        """The state of the job as a whole; a job that has ended is done if any image is."""
        if self.expired:
            return JobState.EXPIRED
        counts = self.counts
        if self.ended is not None:
            return JobState.DONE if counts[JobState.DONE] else JobState.FAILED
        return JobState.QUEUED if counts[JobState.QUEUED] == len(self.images) else JobState.RUNNING


class JobCursor(NamedTuple):
    """A position in the list of an owner's jobs, the newest first.

    Attributes:
        created: Time of submission of the last job before it, in seconds since the epoch.
        id: The id of that job.
    """

    created: float
    id: str


@dataclass(frozen=True)
class NewJob:
    """A job to be stored.

    Attributes:
        id: An unguessable id.
        owner: As in :class:`JobRecord`.
        request: The options and hints for all images.
        names: The names of the images.
        fingerprint: A digest of everything that was submitted.
        idempotency_key: The Idempotency-Key header, if any.
        webhook_url: The URL to notify of the end of the job, if any.
        sizes: The sizes of the image files in bytes; a runner may prefer small images.
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
    """An image that a worker has taken on."""

    job_id: str
    number: int
    name: str
    request: ColorizeRequest


@dataclass(frozen=True)
class TaskResult:
    """The result of an :class:`ImageTask`: the properties of a result file, or a problem."""

    result: ResultInfo | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class WebhookDelivery:
    """A webhook that is due.

    Attributes:
        job: The job that has ended.
        url: The URL to notify.
        attempt: Counted from 1.
    """

    job: JobRecord
    url: str
    attempt: int


class StoredFile(NamedTuple):
    """The digest and size of an uploaded file.

    Attributes:
        digest: SHA-256 of the content, in hexadecimal.
        size: In bytes.
    """

    digest: str
    size: int


@dataclass(frozen=True)
class OpenFile:
    """An open file of a remote store.

    Attributes:
        stream: Seekable; the receiver closes it.
        size: In bytes.
        tag: An entity tag, which changes with the content.
    """

    stream: BinaryIO
    size: int
    tag: str


def new_id_prefix() -> str:
    """Generate a random prefix for the job ids of a new store."""
    return f"{secrets.token_hex(6)}-"
