"""The parts of the service that belong to one app, for whoever answers its requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from flask import Flask

    from rechroma.service.inference.predictor import Models
    from rechroma.service.inference.worker_pool import WorkerPool
    from rechroma.service.jobs import JobRunner, JobService, JobStore
    from rechroma.service.jobs.webhooks import WebhookSender
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

NAME = "rechroma"


@dataclass(frozen=True, eq=False)
class Service:
    """What an app is made of.

    Attributes:
        settings: What its owner has set.
        models: What requests may choose from.
        hands: Color pictures.
        store: The table of jobs.
        job_service: Takes jobs in.
        runner: Does them, once it was started.
        webhooks: Tell of the ends of jobs, once they were started.
        telemetry: Counts.
        waiting: Places for requests with a picture; the rest of the threads answer the others.
        streams: Places for event streams.
        closing: Is set when the server stops.
    """

    settings: Settings
    models: Models
    hands: WorkerPool
    store: JobStore
    job_service: JobService
    runner: JobRunner
    webhooks: WebhookSender
    telemetry: Telemetry
    waiting: threading.BoundedSemaphore
    streams: threading.BoundedSemaphore
    closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin with the jobs that wait.

        Raises:
            TargetError: The server's lock cannot be written.
            StoreError: The table of jobs cannot be read.
        """
        self.runner.start()
        self.webhooks.start()

    def close(self) -> None:
        """End after the pictures in hand; what waits is for the next start."""
        self.closing.set()
        self.runner.stop()
        self.webhooks.stop()
        self.hands.close()
        self.store.close()


def service_of(app: Flask) -> Service:
    """The parts of an app."""
    return cast("Service", app.extensions[NAME])


def current_service() -> Service:
    """The parts of the app whose request is being answered."""
    return service_of(current_app)
