"""The service context: the components that one app is made of."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from flask import Flask

    from rechroma.service.inference.predictor import ModelCatalog
    from rechroma.service.inference.worker_pool import WorkerPool
    from rechroma.service.jobs import JobRunner, JobService, JobStore
    from rechroma.service.jobs.webhooks import WebhookSender
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

NAME = "rechroma"


@dataclass(frozen=True, eq=False)
class Service:
    """The components of one app.

    Attributes:
        settings: The settings.
        models: Cards of the models that requests can name.
        pool: Inference workers.
        store: The job store.
        job_service: Accepts jobs and returns their state and results.
        runner: Colorizes the images of jobs, once it is started.
        webhooks: Delivers webhooks, once it is started.
        telemetry: Metrics.
        image_slots: Limits the threads that handle images; the others answer all else.
        stream_slots: Limits the open event streams.
        closing: Set when the server stops.
    """

    settings: Settings
    models: ModelCatalog
    pool: WorkerPool
    store: JobStore
    job_service: JobService
    runner: JobRunner
    webhooks: WebhookSender
    telemetry: Telemetry
    image_slots: threading.BoundedSemaphore
    stream_slots: threading.BoundedSemaphore
    closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start the runner, beginning with the queued jobs, and the webhooks.

        Raises:
            TargetError: The server's lock file cannot be written.
            StoreError: The job store cannot be read.
        """
        self.runner.start()
        self.webhooks.start()

    def close(self) -> None:
        """Stop after the images in progress; queued ones wait for the next start."""
        self.closing.set()
        self.runner.stop()
        self.webhooks.stop()
        self.pool.close()
        self.store.close()


def service_of(app: Flask) -> Service:
    """Return the components of an app."""
    return cast("Service", app.extensions[NAME])


def current_service() -> Service:
    """Return the components of the app that handles the current request."""
    return service_of(current_app)
