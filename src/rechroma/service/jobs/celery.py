"""Has the pictures of jobs colored by Celery workers, on any number of machines.

Servers and workers all look after the jobs, one of them at a time: what a dead worker had in hand
waits again, messages that were lost are sent anew, and old results are let go of.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

from rechroma.service.errors import StoreError
from rechroma.service.jobs.execute import POISON
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.tasks import make_celery, messages, send
from rechroma.service.jobs.types import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rechroma.service.jobs.redis import PendingImage, RedisStore
    from rechroma.service.jobs.types import JobRecord
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds
_TIDY_AGAIN = 30.0
_NODE_GRACE = 4.0  # after Redis itself was away, living nodes are heard of again within that time


class CeleryRunner:
    """A :class:`~rechroma.service.jobs.protocols.JobRunner` with Celery.

    Args:
        store: The table of jobs.
        settings: Of the service.
        cleanup: What is done again and again: letting go of old results.
    """

    def __init__(self, store: RedisStore, settings: Settings, cleanup: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._cleanup = cleanup
        self._celery = make_celery(settings)
        self._missed_since: dict[str, float] = {}
        self._tidied = monotonic()
        self._rounds = PeriodicThread(self._look_after, _LOOK_AGAIN, "jobs are not looked after")

    def start(self) -> None:
        """Start with the images that are queued."""
        self._rounds.start()

    def notify(self, job: JobRecord) -> None:
        """Send messages for new images; the leader repeats what fails here."""
        try:
            self._send(self._store.unsent())
        except StoreError as error:
            _log.warning("no message was sent for job %s yet: %s", job.id, error)

    def stop(self) -> None:
        """Stop after the images that are running."""
        self._rounds.stop()
        self._celery.close()

    def _look_after(self) -> None:
        if not self._store.acquire_leadership():
            return
        self._store.requeue_dead(self._is_dead, self._settings.attempts, POISON)
        self._send(self._store.unsent())
        waiting = self._store.counts().get(JobState.QUEUED, 0)
        if waiting and waiting > messages(self._celery):
            self._send(self._store.missed())
        if monotonic() - self._tidied > _TIDY_AGAIN:
            self._tidied = monotonic()
            self._cleanup()

    def _is_dead(self, worker: str) -> bool:
        """Whether nothing was heard of a worker's node for long, by this process' own clock."""
        node = node_of(worker)
        if self._store.is_alive(node):
            self._missed_since.pop(node, None)
            return False
        return monotonic() - self._missed_since.setdefault(node, monotonic()) > _NODE_GRACE

    def _send(self, pictures: Sequence[PendingImage]) -> None:
        for picture in pictures:
            urgent = picture.size <= self._settings.urgent_bytes
            send(self._celery, picture.job_id, picture.number, urgent=urgent)


def worker_name(node: str, process: int) -> str:
    """What a process of a worker is called in the table of jobs."""
    return f"{node}/{process}"


def node_of(worker: str) -> str:
    """The worker that a process belongs to."""
    return worker.partition("/")[0]


def process_of(worker: str) -> int:
    """The number of the process."""
    return int(worker.partition("/")[2])
