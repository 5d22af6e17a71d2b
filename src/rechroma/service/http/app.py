"""App factory: the components of the service, and the Flask app that serves them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from apiflask import APIFlask

from rechroma._version import __version__
from rechroma.fs import translate_os_errors
from rechroma.service.access_log import init_access_log
from rechroma.service.http.api.images import images
from rechroma.service.http.api.jobs import jobs
from rechroma.service.http.api.status import health, models
from rechroma.service.http.openapi import init_openapi
from rechroma.service.http.service_context import NAME, Service
from rechroma.service.inference.predictor import ModelCatalog
from rechroma.service.inference.worker_pool import WorkerPool
from rechroma.service.jobs import (
    JobService,
    SqliteStore,
    ThreadRunner,
    make_files,
    make_shared_jobs,
)
from rechroma.service.jobs.webhooks import WebhookSender
from rechroma.service.problem_details import init_error_handlers
from rechroma.service.security import init_security
from rechroma.service.settings import Settings, read_settings
from rechroma.service.telemetry import Telemetry
from rechroma.web.blueprint import CARD, page

if TYPE_CHECKING:
    from rechroma.service.jobs import JobRunner, JobStore


def create_app(settings: Settings | None = None) -> APIFlask:
    """Create the app; `service_of(app).start()` starts its jobs.

    Args:
        settings: Settings; those of the environment by default.

    Raises:
        OptionError: A setting is invalid.
        MissingExtraError: The settings need an extra that is not installed.
        ModelError: The model is missing, damaged, or violates the contract.
        ProviderError: The execution provider is not available.
        TargetError: The folder for jobs cannot be created.
        StoreError: The job store cannot be read.
    """
    settings = settings or read_settings()
    app = APIFlask(
        NAME,
        title="Rechroma",
        version=__version__,
        docs_path="/docs",
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # the page has its own
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.job_bytes * 2  # each route sets its own
    app.extensions[NAME] = service = _make_service(settings)
    app.config[CARD] = service.models.default
    service.telemetry.init_app(app)
    init_access_log(app)
    init_security(app, settings)
    init_error_handlers(app)
    for blueprint in (images, jobs, models, health, page):
        app.register_blueprint(blueprint)
    init_openapi(app, with_keys=bool(settings.keys))
    return app


def _make_service(settings: Settings) -> Service:
    catalog, telemetry = ModelCatalog(settings), Telemetry()
    with translate_os_errors(settings.data):  # only the owner may read uploads
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = make_files(settings)
    pool = WorkerPool(settings)
    store: JobStore
    runner: JobRunner
    try:
        if settings.redis.get_secret_value():
            shared = make_shared_jobs(settings, files)
            store, runner, job_service = shared.store, shared.runner, shared.job_service
        else:
            own = SqliteStore(settings.data / "jobs.sqlite", settings.queue)
            job_service = JobService(own, files, settings.keep)
            runner = ThreadRunner(own, files, pool, settings, telemetry, job_service.cleanup)
            store = own
    except BaseException:
        pool.close()
        raise
    telemetry.watch_queue(store.counts)
    telemetry.watch_workers(pool.process_ids)
    return Service(
        settings=settings,
        models=catalog,
        pool=pool,
        store=store,
        job_service=job_service,
        runner=runner,
        webhooks=WebhookSender(store, settings, telemetry),
        telemetry=telemetry,
        image_slots=threading.BoundedSemaphore(settings.threads * 3 // 4),
        stream_slots=threading.BoundedSemaphore(min(settings.streams, settings.threads // 4)),
    )
