"""Makes the app: everything that a service is made of, put together."""

from __future__ import annotations

import threading

from apiflask import APIFlask

from rechroma._version import __version__
from rechroma.imaging import refusals
from rechroma.service.api import BLUEPRINTS
from rechroma.service.callbacks import Callbacks
from rechroma.service.context import NAME, Service
from rechroma.service.hands import make_hands
from rechroma.service.jobs import Desk, Files, SqliteStore, ThreadRunner
from rechroma.service.openapi import describe
from rechroma.service.painter import Models
from rechroma.service.problems import answer_with_problems
from rechroma.service.security import guard
from rechroma.service.settings import Settings, read_settings
from rechroma.service.telemetry import Telemetry


def create_app(settings: Settings | None = None) -> APIFlask:
    """Make a service; its jobs begin with `service_of(app).start()`.

    Args:
        settings: Without, what the environment says.

    Raises:
        OptionError: A setting makes no sense.
        ModelError: The model is not there, damaged, or breaks the contract.
        ProviderError: What should compute is not available here.
        TargetError: The folder for jobs cannot be made.
        StoreError: The table of jobs cannot be read.
    """
    settings = settings or read_settings()
    app = APIFlask(
        NAME, title="Rechroma", version=__version__, docs_path="/docs", json_errors=False
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.job_bytes * 2  # each route sets its own
    app.extensions[NAME] = service = _make_service(settings)
    service.telemetry.watch(app)
    guard(app, settings)
    answer_with_problems(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    describe(app, with_keys=bool(settings.keys))
    return app


def _make_service(settings: Settings) -> Service:
    models, telemetry = Models(settings), Telemetry()
    with refusals(settings.data):  # what people send is for the owner's eyes only
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = Files(settings.data / "jobs")
    store = SqliteStore(settings.data / "jobs.sqlite", settings.queue)
    desk = Desk(store, files, settings.keep)
    telemetry.watch_queue(store.counts)
    hands = make_hands(settings)  # the last that can fail: they are processes
    return Service(
        settings=settings,
        models=models,
        hands=hands,
        store=store,
        desk=desk,
        runner=ThreadRunner(store, files, hands, settings, telemetry, desk.tidy),
        callbacks=Callbacks(store, settings, telemetry),
        telemetry=telemetry,
        waiting=threading.BoundedSemaphore(settings.threads * 3 // 4),
        streams=threading.BoundedSemaphore(min(settings.streams, settings.threads // 4)),
    )
