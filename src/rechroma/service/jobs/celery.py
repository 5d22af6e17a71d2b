"""Celery job runner, for workers on any number of machines.

All servers and workers can do the maintenance, and one elected leader at a time does it: it
requeues the images of dead workers, resends lost messages and deletes old results.
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
_POLL_INTERVAL = 1.0  # seconds
_CLEANUP_INTERVAL = 30.0  # seconds
_NODE_GRACE = 4.0  # seconds in which live nodes send a heartbeat after an outage of Redis


class CeleryRunner:
    """A :class:`~rechroma.service.jobs.protocols.JobRunner` with Celery.

    Args:
        store: Job records in Redis.
        settings: Settings of the service.
        cleanup: Deletes old results; called every 30 seconds by the leader.
    """

    def __init__(self, store: RedisStore, settings: Settings, cleanup: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._cleanup = cleanup
        self._celery = make_celery(settings)
        self._missed_since: dict[str, float] = {}
        self._last_cleanup = monotonic()
        self._maintenance = PeriodicThread(self._maintain, _POLL_INTERVAL, "job maintenance failed")

    def start(self) -> None:
        """Start with the images that are queued."""
        self._maintenance.start()

    def notify(self, job: JobRecord) -> None:
        """Send messages for new images; the leader repeats what fails here."""
        try:
            self._send(self._store.unsent())
        except StoreError as error:
            _log.warning("no message was sent for job %s yet: %s", job.id, error)

    def stop(self) -> None:
        """Stop after the images that are running."""
        self._maintenance.stop()
        self._celery.close()

    def _maintain(self) -> None:
        if not self._store.acquire_leadership():
            return
        self._store.requeue_dead(self._is_dead, self._settings.attempts, POISON)
        self._send(self._store.unsent())
        waiting = self._store.counts().get(JobState.QUEUED, 0)
        if waiting and waiting > messages(self._celery):
            self._send(self._store.missed())
        if monotonic() - self._last_cleanup > _CLEANUP_INTERVAL:
            self._last_cleanup = monotonic()
            self._cleanup()

    def _is_dead(self, worker: str) -> bool:
        """Return whether a worker's node has sent no heartbeat for long, by this process' clock."""
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
    """Name a process of a node in the job records."""
    return f"{node}/{process}"


def node_of(worker: str) -> str:
    """Return the node that a process belongs to."""
    return worker.partition("/")[0]


def process_of(worker: str) -> int:
    """Return the process ID."""
    return int(worker.partition("/")[2])
