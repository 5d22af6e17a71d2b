"""The table of jobs in Redis, for any number of servers and workers.

Each change is one script, which Redis does whole and alone. Times are those of Redis' own clock, so
that those of the machines need not agree.

==================  ======  =====================================================================
``job:ID``          hash    a job; of its pictures ``state:1``, ``name:1``, ...
``repeats``         hash    owner and Idempotency-Key -> job
``waiting``         zset    pictures, ``ID/1``, by when a message was sent for them; 0 for never
``running``         zset    pictures by when they were begun
``counts``          hash    how many pictures are done and failed
``ended``           zset    jobs whose results are kept, by their end; ``expired``: those without
``callbacks``       zset    jobs whose end somebody is to hear of, by when that is due
``mark``            string  what the names of all jobs begin with
``alive:NODE``      string  is gone soon after the node is; ``keeper``: who looks after the jobs
==================  ======  =====================================================================
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import redis
from redis.backoff import ExponentialBackoff
from redis.lock import Lock
from redis.retry import Retry

from rechroma.errors import TargetError
from rechroma.service.errors import OverloadedError, StoreError
from rechroma.service.jobs.scripts import SCRIPTS
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
    from collections.abc import Callable, Iterator, Mapping

    from rechroma.service.jobs.types import NewJob

PREFIX = "rechroma:"
"""What the names of all keys begin with."""

PATIENCE = 3.0
"""Seconds to wait for an answer of Redis, or for a connection."""

_RETRIES = 2
_NODE_LIFE = 5.0  # seconds without a sign of life until a node is thought dead
_KEEPER_LIFE = 5.0  # the same of who looks after the jobs
_SENT_AGO = 10.0  # seconds after which a message may be missed
_AT_A_TIME = 100


class PendingImage(NamedTuple):
    """A picture that waits, and needs a message that says so."""

    job_id: str
    number: int
    size: int


class RunningImage(NamedTuple):
    """A picture that a worker has in hand.

    Attributes:
        job_id: Its job.
        number: Its place in the job.
        worker: Who has it.
        seconds: For how long.
    """

    job_id: str
    number: int
    worker: str
    seconds: float


class RedisStore:
    """Keeps :class:`rechroma.service.jobs.JobStore` in Redis.

    Nothing is asked of Redis before the first call: a server may start before it.

    Args:
        url: The address of Redis.
        capacity: How many pictures may wait.
    """

    def __init__(self, url: str, capacity: int) -> None:
        self._capacity = capacity
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            health_check_interval=10,
            # Not where Redis stands still: who asks has waited long enough.
            retry=Retry(ExponentialBackoff(0.5, 0.1), _RETRIES, (redis.ConnectionError,)),
        )
        self._keeper = Lock(
            self._redis, f"{PREFIX}keeper", timeout=_KEEPER_LIFE, thread_local=False
        )
        self._scripts = {name: self._redis.register_script(text) for name, text in SCRIPTS.items()}

    def close(self) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.close`."""
        self._redis.close()

    def check(self) -> None:
        """Make sure that Redis answers.

        Raises:
            StoreError: It does not.
        """
        with _explained():
            self._redis.ping()

    def id_prefix(self) -> str:
        """See :meth:`rechroma.service.jobs.JobStore.id_prefix`."""
        with _explained(), self._redis.pipeline() as pipe:
            pipe.set(f"{PREFIX}mark", new_id_prefix(), nx=True)
            pipe.get(f"{PREFIX}mark")
            return str(pipe.execute()[1])

    def add(self, job: NewJob) -> JobRecord:
        """See :meth:`rechroma.service.jobs.JobStore.add`."""
        repeat = "" if job.idempotency_key is None else f"{job.owner} {job.idempotency_key}"
        sizes = job.sizes or (0,) * len(job.names)
        pictures = [word for pair in zip(job.names, sizes, strict=True) for word in pair]
        fields = (job.owner, job.request.model_dump_json(), job.fingerprint, job.webhook_url or "")
        known, waiting = self._call("add", job.id, repeat, self._capacity, *fields, *pictures)
        if not known:
            raise OverloadedError(
                f"{waiting} pictures wait, and there is room for {self._capacity}",
                hint="Try again later.",
            )
        found = self.get(known)
        if found is None:
            raise StoreError("a job was forgotten as it was entered")
        return found

    def get(self, job_id: str) -> JobRecord | None:
        """See :meth:`rechroma.service.jobs.JobStore.get`."""
        with _explained():
            fields = cast("dict[str, str]", self._redis.hgetall(f"{PREFIX}job:{job_id}"))
        return _job(job_id, fields) if fields else None

    def delete(self, job_id: str) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.delete`."""
        self._call("remove", job_id)

    def begin(self, job_id: str, number: int, worker: str) -> ImageTask | None:
        """Give a picture that waits to a worker.

        Returns:
            The picture; None where it is done, forgotten, or in another's hand.
        """
        found = self._call("begin", job_id, number, worker)
        if not found:
            return None
        name, order = found
        return ImageTask(job_id, number, name, ColorizeRequest.model_validate_json(order))

    def finish(self, task: ImageTask, worker: str, outcome: TaskResult) -> bool:
        """See :meth:`rechroma.service.jobs.JobStore.finish`."""
        told = [
            part.model_dump_json() if part else "" for part in (outcome.result, outcome.problem)
        ]
        return bool(self._call("finish", task.job_id, task.number, worker, *told))

    def running(self) -> list[RunningImage]:
        """The pictures that are in the hands of workers, dead ones too."""
        return [
            RunningImage(job_id, int(number), worker, float(seconds))
            for job_id, number, worker, seconds in self._call("held")
        ]

    def requeue_dead(self, is_dead: Callable[[str], bool], attempts: int, problem: Problem) -> None:
        """Let the pictures of dead workers wait again, or fail after so many attempts.

        Args:
            is_dead: Tells it of a worker.
            attempts: The most there may be.
            problem: What is said of a picture that had them all.
        """
        held = self.running()
        dead = {worker for worker in {picture.worker for picture in held} if is_dead(worker)}
        for picture in held:
            if picture.worker in dead:
                words = (picture.job_id, picture.number, picture.worker)
                self._call("requeue_dead", *words, attempts, problem.model_dump_json())

    def unsent(self) -> list[PendingImage]:
        """Pictures for which there was never a message; from now on they count as sent for."""
        return self._due(0)

    def missed(self) -> list[PendingImage]:
        """Pictures that wait although a message was sent some time ago; they count as sent anew."""
        return self._due(_SENT_AGO)

    def heartbeat(self, node: str) -> None:
        """Give a sign of a node's life."""
        with _explained():
            self._redis.set(f"{PREFIX}alive:{node}", 1, px=int(_NODE_LIFE * 1000))

    def is_alive(self, node: str) -> bool:
        """Whether there was a sign of a node's life lately."""
        with _explained():
            return bool(self._redis.exists(f"{PREFIX}alive:{node}"))

    def acquire_leadership(self) -> bool:
        """Whether this process is the one that looks after the jobs, for the next seconds."""
        with _explained():
            if self._keeper.owned():
                return bool(self._keeper.reacquire())
            return bool(self._keeper.acquire(blocking=False))

    def expire(self, keep: float) -> list[str]:
        """See :meth:`rechroma.service.jobs.JobStore.expire`."""
        while len(self._call("forget", keep, _AT_A_TIME)) == _AT_A_TIME:
            pass
        expired: list[str] = []
        while found := self._call("expire", keep, _AT_A_TIME):
            expired += found
        return expired

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """See :meth:`rechroma.service.jobs.JobStore.lease_webhook`."""
        found = self._call("lease_webhook", lease)
        job = self.get(found[0]) if found else None
        return None if job is None else WebhookDelivery(job, found[1], int(found[2]))

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.reschedule_webhook`."""
        self._call("reschedule_webhook", job_id, "" if seconds is None else seconds)

    def counts(self) -> Mapping[str, int]:
        """See :meth:`rechroma.service.jobs.JobStore.counts`."""
        with _explained(), self._redis.pipeline() as pipe:
            pipe.zcard(f"{PREFIX}waiting")
            pipe.zcard(f"{PREFIX}running")
            pipe.hgetall(f"{PREFIX}counts")
            waiting, running, ended = pipe.execute()
        found = {JobState.QUEUED: waiting, JobState.RUNNING: running}
        found |= {JobState(state): int(count) for state, count in ended.items()}
        return {state: count for state, count in found.items() if count}

    def _due(self, ago: float) -> list[PendingImage]:
        return [
            PendingImage(job_id, int(number), int(size))
            for job_id, number, size in self._call("due", ago)
        ]

    def _call(self, script: str, *words: str | float) -> Any:  # noqa: ANN401 - by script
        with _explained():
            return self._scripts[script](keys=[PREFIX], args=words)


def _job(job_id: str, fields: Mapping[str, str]) -> JobRecord:
    return JobRecord(
        id=job_id,
        owner=fields["owner"],
        created=float(fields["created"]),
        ended=float(fields["ended"]) if "ended" in fields else None,
        expired="expired" in fields,
        images=tuple(_picture(number, fields) for number in range(1, int(fields["total"]) + 1)),
        fingerprint=fields["fingerprint"],
    )


def _picture(number: int, fields: Mapping[str, str]) -> ImageRecord:
    made, problem = fields.get(f"made:{number}"), fields.get(f"problem:{number}")
    return ImageRecord(
        number,
        fields[f"name:{number}"],
        JobState(fields[f"state:{number}"]),
        ResultInfo.model_validate_json(made) if made else None,
        Problem.model_validate_json(problem) if problem else None,
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what Redis raises into errors of ours, without the address that it may name."""
    try:
        yield
    except redis.exceptions.OutOfMemoryError as error:
        raise TargetError("the memory of Redis is full") from error
    except (redis.RedisError, OSError) as error:
        message = f"the table of jobs: {type(error).__name__} of Redis"
        raise StoreError(message, hint="Try again later.") from error
