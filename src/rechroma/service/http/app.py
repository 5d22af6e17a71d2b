"""Makes the app: everything that a service is made of, put together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from apiflask import APIFlask

from rechroma._version import __version__
from rechroma.fs import translate_os_errors
from rechroma.service.http.api import BLUEPRINTS
from rechroma.service.http.context import NAME, Service
from rechroma.service.http.openapi import describe
from rechroma.service.inference.predictor import Models
from rechroma.service.inference.worker_pool import make_hands
from rechroma.service.jobs import (
    JobService,
    SqliteStore,
    ThreadRunner,
    make_files,
    make_shared_jobs,
)
from rechroma.service.jobs.webhooks import WebhookSender
from rechroma.service.problems import answer_with_problems
from rechroma.service.security import guard
from rechroma.service.settings import Settings, read_settings
from rechroma.service.telemetry import Telemetry
from rechroma.web.blueprint import page

if TYPE_CHECKING:
    from rechroma.service.inference.worker_pool import WorkerPool
    from rechroma.service.jobs import FileStore, JobRunner, JobStore


def create_app(settings: Settings | None = None) -> APIFlask:
    """Make a service; its jobs begin with `service_of(app).start()`.

    Args:
        settings: Without, what the environment says.

    Raises:
        OptionError: A setting makes no sense.
        MissingExtraError: The settings ask for what is not installed.
        ModelError: The model is not there, damaged, or breaks the contract.
        ProviderError: What should compute is not available here.
        TargetError: The folder for jobs cannot be made.
        StoreError: The table of jobs cannot be read.
    """
    settings = settings or read_settings()
    app = APIFlask(
        NAME,
        title="Rechroma",
        version=__version__,
        docs_path="/docs",
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # the page brings its own
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.job_bytes * 2  # each route sets its own
    app.extensions[NAME] = service = _make_service(settings)
    service.telemetry.watch(app)
    guard(app, settings)
    answer_with_problems(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_blueprint(page)
    describe(app, with_keys=bool(settings.keys))
    return app


def _make_service(settings: Settings) -> Service:
    models, telemetry = Models(settings), Telemetry()
    with translate_os_errors(settings.data):  # what people send is for the owner's eyes only
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = make_files(settings)
    hands = make_hands(settings)
    try:
        store, runner, job_service = _make_jobs(settings, files, hands, telemetry)
    except BaseException:
        hands.close()
        raise
    telemetry.watch_queue(store.counts)
    telemetry.watch_hands(hands.process_ids)
    return Service(
        settings=settings,
        models=models,
        hands=hands,
        store=store,
        job_service=job_service,
        runner=runner,
        webhooks=WebhookSender(store, settings, telemetry),
        telemetry=telemetry,
        waiting=threading.BoundedSemaphore(settings.threads * 3 // 4),
        streams=threading.BoundedSemaphore(min(settings.streams, settings.threads // 4)),
    )


def _make_jobs(
    settings: Settings, files: FileStore, hands: WorkerPool, telemetry: Telemetry
) -> tuple[JobStore, JobRunner, JobService]:
    """The table of jobs and who does them: others where there is a Redis, else this process."""
    if settings.redis.get_secret_value():
        shared = make_shared_jobs(settings, files)
        return shared.store, shared.runner, shared.job_service
    store = SqliteStore(settings.data / "jobs.sqlite", settings.queue)
    job_service = JobService(store, files, settings.keep)
    return (
        store,
        ThreadRunner(store, files, hands, settings, telemetry, job_service.cleanup),
        job_service,
    )
