"""A job store in Redis, for any number of servers and workers.

Each change is one Lua script, which Redis runs atomically and which may be repeated: the second
call changes nothing. Times are read from the clock of Redis, so the clocks of machines may differ.

====================  ======  ===================================================================
``job:ID``            hash    a job; its images have ``state:1``, ``name:1``, ...
``jobs:OWNER``        zset    jobs of an owner by the time of their submission
``idempotency_keys``  hash    owner and Idempotency-Key -> job
``queued``            zset    images, ``ID/1``, by the time of their last message; those without one
                              come first, in the order of their submission
``running``           zset    images by their start time
``counts``            hash    number of images that are done and failed
``sequence``          string  number of images ever submitted
``ended``             zset    jobs with results, by end time
``expired``           zset    jobs whose results were deleted, by end time
``webhooks``          zset    jobs with a pending webhook, by due time
``id_prefix``         string  prefix of all job ids
``alive:NODE``        string  heartbeat of a worker for health checks; it expires
====================  ======  ===================================================================
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from rechroma.errors import TargetError
from rechroma.service.errors import OverloadedError, StoreError
from rechroma.service.jobs.types import (
    ImageRecord,
    ImageTask,
    JobRecord,
    JobState,
    TaskResult,
    WebhookDelivery,
    new_id_prefix,
)
from rechroma.service.schemas import ColorizeRequest, Problem, ResultInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rechroma.service.jobs.types import JobCursor, NewJob

PREFIX = "rechroma:"
"""Prefix of all keys."""

TIMEOUT = 3.0
"""Seconds to wait for a connection or a reply of Redis."""

_RETRIES = 2
_HEARTBEAT_TTL = 5.0  # seconds
_RESEND_AFTER = 10.0  # seconds after which a message may be lost
_BATCH_SIZE = 100


def read_scripts() -> dict[str, str]:
    """Read the Lua scripts of the package by name, each preceded by the common helpers."""
    folder = files("rechroma.service.jobs") / "lua"
    texts = {
        entry.name.removesuffix(".lua"): entry.read_text("utf-8") for entry in folder.iterdir()
    }
    common = texts.pop("common")
    return {name: common + text for name, text in texts.items()}


class PendingImage(NamedTuple):
    """A queued image that needs a message."""

    job_id: str
    number: int
    size: int


class RedisStore:
    """A :class:`~rechroma.service.jobs.protocols.JobStore` in Redis.

    It connects with the first call: a server may start before Redis.

    Args:
        url: The address of Redis.
        capacity: Maximum number of queued images.
    """

    def __init__(self, url: str, capacity: int) -> None:
        self._capacity = capacity
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            health_check_interval=10,
            # Not after a timeout: the caller has waited long enough.
            retry=Retry(ExponentialBackoff(0.5, 0.1), _RETRIES, (redis.ConnectionError,)),
        )
        self._scripts = {
            name: self._redis.register_script(text) for name, text in read_scripts().items()
        }

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def check(self) -> None:
        """Check the connection.

        Raises:
            StoreError: Redis does not answer.
        """
        with _translate_errors():
            self._redis.ping()

    def id_prefix(self) -> str:
        """Return the job-id prefix unique to this store."""
        with _translate_errors(), self._redis.pipeline() as pipe:
            pipe.set(f"{PREFIX}id_prefix", new_id_prefix(), nx=True)
            pipe.get(f"{PREFIX}id_prefix")
            return str(pipe.execute()[1])

    def add(self, job: NewJob) -> JobRecord:
        """Store a job."""
        key = "" if job.idempotency_key is None else f"{job.owner} {job.idempotency_key}"
        sizes = job.sizes or (0,) * len(job.names)
        images = [word for pair in zip(job.names, sizes, strict=True) for word in pair]
        fields = (job.owner, job.request.model_dump_json(), job.fingerprint, job.webhook_url or "")
        known, waiting = self._call("add", job.id, key, self._capacity, *fields, *images)
        if not known:
            raise OverloadedError(
                f"the queue is full: {waiting} of at most {self._capacity} images",
                hint="Try again later.",
            )
        found = self.get(known)
        if found is None:
            raise StoreError("a job was deleted while it was stored")
        return found

    def get(self, job_id: str) -> JobRecord | None:
        """Look up a job by its id."""
        with _translate_errors():
            fields = cast("dict[str, str]", self._redis.hgetall(f"{PREFIX}job:{job_id}"))
        return _job_record(job_id, fields) if fields else None

    def list_jobs(self, owner: str, count: int, after: JobCursor | None) -> list[JobRecord]:
        """List jobs of an owner, the newest first."""
        created, last = after or ("+inf", "")
        ids = self._call("list_jobs", owner, count, created, last)
        found = (self.get(job_id) for job_id in ids)
        return [job for job in found if job]

    def delete(self, job_id: str) -> None:
        """Delete a job in any state."""
        self._call("delete", job_id)

    def begin(
        self,
        job_id: str,
        number: int,
        message: str,
        delivery: str,
        *,
        attempts: int,
        poison: Problem,
    ) -> ImageTask | None:
        """Start an image, which its message holds from now on.

        Args:
            job_id: The job.
            number: The number of the image.
            message: The id of the message.
            delivery: Unique to this delivery of the message: another one means that a process died
                or stalled, and counts as an attempt; a repeated call does not.
            attempts: Maximum number of attempts.
            poison: The problem of an image that has used them up; it fails here.

        Returns:
            The image; None if it has ended, was deleted, or is held by another message.
        """
        found = self._call(
            "begin", job_id, number, message, delivery, attempts, poison.model_dump_json()
        )
        if not found:
            return None
        name, request = found
        return ImageTask(job_id, number, name, ColorizeRequest.model_validate_json(request))

    def finish(self, job_id: str, number: int, holder: str, result: TaskResult) -> bool:
        """Record the result of an image; `holder` is the id of the message that holds it."""
        parts = [part.model_dump_json() if part else "" for part in (result.result, result.problem)]
        return bool(self._call("finish", job_id, number, holder, *parts))

    def requeue_lost(self, lease: float) -> None:
        """Queue images again that have been running for longer than `lease` seconds.

        Their worker is dead, and the broker has lost the message that it should redeliver.
        """
        self._call("requeue_lost", lease)

    def unsent(self) -> list[PendingImage]:
        """List queued images without a message, and record that one is sent now."""
        return self._outbox(0)

    def unconfirmed(self) -> list[PendingImage]:
        """List queued images whose message is old, and record that one is sent now."""
        return self._outbox(_RESEND_AFTER)

    def heartbeat(self, node: str) -> None:
        """Record that a worker is alive, for health checks."""
        with _translate_errors():
            self._redis.set(f"{PREFIX}alive:{node}", 1, px=int(_HEARTBEAT_TTL * 1000))

    def expire(self, keep: float) -> list[str]:
        """Expire old results, and delete jobs that expired long ago."""
        while len(self._call("delete_expired", keep, _BATCH_SIZE)) == _BATCH_SIZE:
            pass
        expired: list[str] = []
        while found := self._call("expire_results", keep, _BATCH_SIZE):
            expired += found
        return expired

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """Take on a webhook that is due."""
        found = self._call("lease_webhook", lease)
        job = self.get(found[0]) if found else None
        return None if job is None else WebhookDelivery(job, found[1], int(found[2]))

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """Make a webhook due later, or drop it."""
        self._call("reschedule_webhook", job_id, "" if seconds is None else seconds)

    def counts(self) -> Mapping[str, int]:
        """Count the images in each state."""
        with _translate_errors(), self._redis.pipeline() as pipe:
            pipe.zcard(f"{PREFIX}queued")
            pipe.zcard(f"{PREFIX}running")
            pipe.hgetall(f"{PREFIX}counts")
            queued, running, ended = pipe.execute()
        found = {JobState.QUEUED: queued, JobState.RUNNING: running}
        found |= {JobState(state): int(count) for state, count in ended.items()}
        return {state: count for state, count in found.items() if count}

    def _outbox(self, ago: float) -> list[PendingImage]:
        return [
            PendingImage(job_id, int(number), int(size))
            for job_id, number, size in self._call("list_unsent", ago)
        ]

    def _call(self, script: str, *arguments: str | float) -> Any:  # noqa: ANN401 - by script
        with _translate_errors():
            return self._scripts[script](keys=[PREFIX], args=arguments)


def _job_record(job_id: str, fields: Mapping[str, str]) -> JobRecord:
    return JobRecord(
        id=job_id,
        owner=fields["owner"],
        created=float(fields["created"]),
        ended=float(fields["ended"]) if "ended" in fields else None,
        expired="expired" in fields,
        images=tuple(
            _image_record(number, fields) for number in range(1, int(fields["total"]) + 1)
        ),
        fingerprint=fields["fingerprint"],
    )


def _image_record(number: int, fields: Mapping[str, str]) -> ImageRecord:
    result, problem = fields.get(f"result:{number}"), fields.get(f"problem:{number}")
    return ImageRecord(
        number,
        fields[f"name:{number}"],
        JobState(fields[f"state:{number}"]),
        ResultInfo.model_validate_json(result) if result else None,
        Problem.model_validate_json(problem) if problem else None,
    )


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate exceptions of Redis into errors of ours, without the address that they may name."""
    try:
        yield
    except redis.exceptions.OutOfMemoryError as error:
        raise TargetError("the memory of Redis is full") from error
    except (redis.RedisError, OSError) as error:
        message = f"the job store failed: {type(error).__name__} of Redis"
        raise StoreError(message, hint="Try again later.") from error
