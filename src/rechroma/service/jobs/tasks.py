"""The Celery app: how messages about pictures travel from servers to workers.

A message names a picture and nothing more. It only wakes a worker: who may color the picture is
written in the table of jobs, so that messages may come twice, late or never.
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import Celery
from kombu.entity import Queue

from rechroma.service.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.service.settings import Settings

QUEUE = "pictures"
TASK = "rechroma.color"
GRACE = 10
"""Seconds between the time limit of a picture, and the end of the process that does not heed it."""

URGENT, USUAL = 0, 9
"""The priorities of messages; Redis takes the lower number first."""

_PICTURES_PER_PROCESS = 500  # then a new one: nothing that leaks does so for ever
_CONNECTION = {
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
}


def make_celery(settings: Settings) -> Celery:
    """The app of a server or a worker."""
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
        task_soft_time_limit=settings.seconds,
        task_time_limit=settings.seconds + GRACE,
        broker_transport_options={
            "global_keyprefix": "rechroma:celery:",
            "priority_steps": [URGENT, USUAL],
            "queue_order_strategy": "priority",
            # A message whose worker is gone comes back after this: the keeper is earlier.
            "visibility_timeout": settings.seconds + 6 * GRACE,
            **_CONNECTION,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_use_ssl=(
            {"ssl_cert_reqs": ssl.CERT_REQUIRED} if address.startswith("rediss:") else None
        ),
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=_PICTURES_PER_PROCESS,
        worker_proc_alive_timeout=60.0,
        worker_lost_wait=1.0,  # nobody waits for its result
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def send(app: Celery, job_id: str, number: int, *, urgent: bool) -> None:
    """Wake a worker for a picture.

    Raises:
        StoreError: Redis does not answer.
    """
    priority = URGENT if urgent else USUAL
    with _explained():
        app.send_task(TASK, (job_id, number), queue=QUEUE, priority=priority, retry=False)


def register(app: Celery, color: Callable[[str, int], None]) -> None:
    """Register the Celery task: a function of job ID and image number."""

    def run(job_id: str, number: int) -> None:
        color(job_id, number)

    app.task(run, name=TASK)


def messages(app: Celery) -> int:
    """Count the messages that no worker has received yet.

    Raises:
        StoreError: Redis does not answer.
    """
    with _explained(), app.connection_or_acquire() as connection:
        declared: Any = app.amqp.queues[QUEUE](connection.default_channel).queue_declare()
        return int(declared.message_count)


@contextmanager
def _explained() -> Iterator[None]:
    """Translate errors of kombu, redis and sockets."""
    try:
        yield
    except Exception as error:
        raise StoreError(f"the messages to workers: {type(error).__name__}") from error
