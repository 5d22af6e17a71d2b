"""The Celery worker of the distributed mode."""

from __future__ import annotations

import logging
import secrets
import socket
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from celery import signals
from celery.exceptions import Reject, SecurityWarning, SoftTimeLimitExceeded
from celery.worker.request import Request

from rechroma.errors import OptionError, TargetError
from rechroma.service.errors import StoreError
from rechroma.service.inference import limits
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs.celery import TASK, make_celery
from rechroma.service.jobs.execute import run_task
from rechroma.service.jobs.factory import make_files, make_shared_jobs
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.types import ImageTask, JobState, TaskResult
from rechroma.service.problem_details import to_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.redis import RedisStore
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_HEARTBEAT_INTERVAL = 1.0  # seconds
_RETRY_DELAY = 1.0

_T = TypeVar("_T")


def work(settings: Settings, ready: Callable[[str], object]) -> None:
    """Run a worker until SIGTERM or Ctrl-C; images that are running are finished.

    Args:
        settings: The settings of the service.
        ready: Called with the name of the worker as soon as it takes images.

    Raises:
        OptionError: No Redis is configured, or it cannot be reached.
        MissingExtraError: The settings need a package that is not installed.
        ModelError: The model is missing, damaged, or violates the contract.
        ProviderError: The execution provider is not available.
        TargetError: The folder for results cannot be created.
    """
    if not settings.redis.get_secret_value():
        raise OptionError(
            "RECHROMA_REDIS is not set: a worker gets its jobs from there",
            hint="Without Redis, 'rechroma serve' runs jobs itself.",
        )
    # These threads only talk to Redis, through connections that no child process uses.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    node = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    jobs = make_shared_jobs(settings, make_files(settings))
    try:
        jobs.store.check()
    except StoreError as error:
        raise OptionError(
            "the Redis at RECHROMA_REDIS does not answer",
            hint="Start it first, and check its address and password.",
        ) from error
    # A process that cannot load the model would fail and be replaced forever. A process of its own
    # loads it, because the threads of ONNX Runtime do not survive a fork.
    with ProcessPoolExecutor(1, get_context("fork")) as trial:
        trial.submit(_load_model, settings).result()
    heartbeat = PeriodicThread(
        partial(jobs.store.heartbeat, node), _HEARTBEAT_INTERVAL, "the heartbeat fails"
    )
    heartbeat.start()
    jobs.runner.start()
    try:
        _run_celery(settings, node, jobs.store, ready)
    finally:
        jobs.runner.stop()
        heartbeat.stop()
        jobs.store.close()


def _load_model(settings: Settings) -> None:
    Predictor(settings)


def _run_celery(
    settings: Settings, node: str, store: RedisStore, ready: Callable[[str], object]
) -> None:
    app = make_celery(settings)
    worker = Worker(settings)

    def colorize(task: Any, job_id: str, number: int) -> None:  # noqa: ANN401
        worker.colorize(job_id, number, task.request.id)

    def record_timeout(job_id: str, number: int, message: str) -> None:
        problem = to_problem(limits.timeout_error(settings.seconds))
        try:
            store.finish(job_id, number, message, TaskResult(problem=problem))
        except (StoreError, TargetError) as error:  # its lease expires, and it is tried again
            _log.warning("the timeout of an image could not be recorded: %s", error)

    def open_process(**_: object) -> None:
        try:
            worker.open()
        except Exception:
            # Celery would log it, and give images to a process without a model.
            _log.exception("a process of the worker cannot start, and is replaced")
            raise SystemExit(1) from None

    # A partial does not become a method of the task's class.
    options = {"Request": ImageRequest, "record_timeout": partial(record_timeout)}
    app.task(colorize, name=TASK, bind=True, **options)
    receivers = [
        (signals.worker_process_init, open_process),
        (signals.worker_ready, lambda **_: ready(node)),
        (signals.setup_logging, lambda **_: None),  # keeps the program's own logging
    ]
    for signal, receiver in receivers:
        signal.connect(receiver, weak=False)
    # It concerns pickled messages, and these are JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app.Worker(
        pool="prefork",
        concurrency=settings.workers,
        hostname=f"celery@{node}",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    ).start()


class ImageRequest(Request):  # type: ignore[misc]  # untyped base
    """A Celery request that records a hard timeout, which kills the process of the image."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Record the timeout before Celery acknowledges the message."""
        if not soft:
            self.task.record_timeout(*self.args, self.id)
        super().on_timeout(soft, timeout)


class Worker:
    """The process of a worker that colorizes images.

    Args:
        settings: The settings of the service.
    """

    _predictor: Predictor
    _files: FileStore
    _store: RedisStore

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self) -> None:
        """Load the model and connect, in the process itself: neither survives a fork."""
        self._files = make_files(self._settings)
        self._store = make_shared_jobs(self._settings, self._files).store
        self._predictor = Predictor(self._settings)

    def colorize(self, job_id: str, number: int, message: str) -> None:
        """Colorize an image unless it has ended or runs elsewhere.

        Args:
            job_id: The job.
            number: The number of the image.
            message: The id of the Celery message, which holds the image while it runs.
        """
        attempts, poison = self._settings.attempts, to_problem(limits.poison_error())
        delivery = secrets.token_hex(8)
        try:
            task = retry_forever(
                lambda: self._store.begin(
                    job_id, number, message, delivery, attempts=attempts, poison=poison
                )
            )
            if task is None:
                return
            result = self._run(task)
            retry_forever(lambda: self._store.finish(job_id, number, message, result))
            retry_forever(lambda: self._delete_sources(task))
        except SoftTimeLimitExceeded:  # Redis was away for too long
            raise Reject("Redis does not answer", requeue=True) from None

    def _run(self, task: ImageTask) -> TaskResult:
        timeout = TaskResult(problem=to_problem(limits.timeout_error(self._settings.seconds)))
        try:
            return run_task(
                *(self._predictor, self._files, task, self._settings),
                interrupt=SoftTimeLimitExceeded,
            )
        except SoftTimeLimitExceeded:
            return timeout

    def _delete_sources(self, task: ImageTask) -> None:
        job = self._store.get(task.job_id)
        if job is None:
            self._files.delete(task.job_id)
        elif job.images[task.number - 1].state in (JobState.DONE, JobState.FAILED):
            self._files.delete_sources(task.job_id, [task.number])


def retry_forever(call: Callable[[], _T]) -> _T:
    """Retry until Redis answers; callers must be idempotent."""
    failed = False
    while True:
        try:
            return call()
        except (StoreError, TargetError) as error:
            if not failed:
                _log.warning("%s; retrying until it succeeds", error)
            failed = True
        time.sleep(_RETRY_DELAY)
