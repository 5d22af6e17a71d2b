"""The job runner of the distributed mode: Celery schedules images over any number of workers.

There is one Celery task per image. A worker acknowledges its message only when the image has
ended; Celery requeues the message when a process of a worker dies, and the broker redelivers it
after the visibility timeout when a whole worker dies. The job store keeps the state of each image,
so that a message may arrive twice, late, or after the image has ended.

Celery alone cannot keep the promise that every accepted image ends in two cases: a server may die
between storing a job and sending its messages, and the broker may lose messages (kombu itself
loses one if its worker is killed between taking and registering it). Therefore the store is also a
transactional outbox, from which every server and worker sends what is missing.
"""

from __future__ import annotations

import logging
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import Celery
from kombu.entity import Queue

from rechroma.service.errors import StoreError
from rechroma.service.inference import fault_policy
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.types import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rechroma.service.jobs.redis import PendingImage, RedisStore
    from rechroma.service.jobs.types import JobRecord
    from rechroma.service.settings import Settings

QUEUE = "images"
TASK = "rechroma.colorize"

HIGH_PRIORITY, LOW_PRIORITY = 0, 9
"""Message priorities; the Redis transport takes the lower number first."""

_log = logging.getLogger(__name__)
_RECONCILE_INTERVAL = 1.0  # seconds
_CLEANUP_INTERVAL = 30.0
_MAX_TASKS_PER_CHILD = 500  # bounds the effect of memory leaks
_CONNECTION = {
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
}


class CeleryRunner:
    """A :class:`~rechroma.service.jobs.protocols.JobRunner` with Celery.

    Args:
        store: The state of jobs, and the outbox of messages.
        settings: The settings of the service.
        cleanup: Called periodically to expire old results.
    """

    def __init__(self, store: RedisStore, settings: Settings, cleanup: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._celery = make_celery(settings)
        self._threads = (
            PeriodicThread(self._reconcile, _RECONCILE_INTERVAL, "jobs are not scheduled"),
            PeriodicThread(cleanup, _CLEANUP_INTERVAL, "cleanup failed"),
        )

    def start(self) -> None:
        """Start with the images that are queued."""
        for thread in self._threads:
            thread.start()

    def notify(self, job: JobRecord) -> None:
        """Send the messages of a new job; what fails here is sent later from the outbox."""
        try:
            self._send(self._store.unsent())
        except StoreError as error:
            _log.warning("the messages of job %s are delayed: %s", job.id, error)

    def stop(self) -> None:
        """Stop sending messages."""
        for thread in self._threads:
            thread.stop()
        self._celery.close()

    def _reconcile(self) -> None:
        """Send messages that were never sent, or that the broker has lost."""
        # Longer than the visibility timeout and the interval of its checks: Celery comes first.
        self._store.requeue_lost(
            visibility_timeout(self._settings) + 3 * fault_policy.GRACE_SECONDS
        )
        self._send(self._store.unsent())
        queued = self._store.counts().get(JobState.QUEUED, 0)
        if queued and queued > count_messages(self._celery):
            self._send(self._store.unconfirmed())

    def _send(self, images: Sequence[PendingImage]) -> None:
        for image in images:
            urgent = image.size <= self._settings.urgent_bytes
            send(self._celery, image.job_id, image.number, urgent=urgent)


def make_celery(settings: Settings) -> Celery:
    """Create the Celery app of a server or a worker."""
    address = settings.redis.get_secret_value()
    app = Celery("rechroma", broker=address, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(QUEUE, routing_key=QUEUE)],
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        broker_transport_options={
            "global_keyprefix": "rechroma:celery:",
            "priority_steps": [HIGH_PRIORITY, LOW_PRIORITY],
            "queue_order_strategy": "priority",
            "visibility_timeout": visibility_timeout(settings),
            "unacked_restore_throttle": 1,  # check the visibility timeout every 10 s, not 100 s
            **_CONNECTION,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_use_ssl=(
            {"ssl_cert_reqs": ssl.CERT_REQUIRED} if address.startswith("rediss:") else None
        ),
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=_MAX_TASKS_PER_CHILD,
        worker_proc_alive_timeout=60.0,
        worker_lost_wait=1.0,  # there is no result to wait for
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def visibility_timeout(settings: Settings) -> float:
    """Return the seconds after which the broker redelivers a message without acknowledgment.

    They exceed the time after which a worker kills an image by the time that a new process may
    take to load its model.
    """
    return settings.seconds + 6 * fault_policy.GRACE_SECONDS


def send(app: Celery, job_id: str, number: int, *, urgent: bool) -> None:
    """Send the message for an image.

    Raises:
        StoreError: Redis does not answer.
    """
    priority = HIGH_PRIORITY if urgent else LOW_PRIORITY
    with _translate_errors():
        app.send_task(TASK, (job_id, number), queue=QUEUE, priority=priority, retry=False)


def count_messages(app: Celery) -> int:
    """Count the messages that no worker has taken yet.

    Raises:
        StoreError: Redis does not answer.
    """
    with _translate_errors(), app.connection_or_acquire() as connection:
        declared: Any = app.amqp.queues[QUEUE](connection.default_channel).queue_declare()
        return int(declared.message_count)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate exceptions of kombu, redis or a socket into an error of ours."""
    try:
        yield
    except Exception as error:
        raise StoreError(f"the message broker failed: {type(error).__name__}") from error
