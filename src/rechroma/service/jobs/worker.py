"""A worker: processes that color the pictures of jobs, and one that watches over them."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import inf
from multiprocessing import get_context
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from celery import signals
from celery.exceptions import SecurityWarning, SoftTimeLimitExceeded

from rechroma.errors import OptionError, TargetError
from rechroma.service.errors import StoreError
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs import JobState, TaskResult, make_files, make_shared_jobs
from rechroma.service.jobs.celery import node_of, process_of, worker_name
from rechroma.service.jobs.execute import POISON, TOO_SLOW, run_task
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.tasks import GRACE, make_celery, register

if TYPE_CHECKING:
    from collections.abc import Callable

    from rechroma.service.jobs import FileStore, ImageTask
    from rechroma.service.jobs.redis import RedisStore, RunningImage
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_BEAT = 1.0  # seconds between two signs of life
_TRY_AGAIN = 1.0

_Answer = TypeVar("_Answer")


def work(settings: Settings, ready: Callable[[str], object]) -> None:
    """Color pictures until SIGTERM or Ctrl-C; those in hand are finished.

    Args:
        settings: What the owner has set.
        ready: Is called with the worker's name as soon as it takes pictures.

    Raises:
        OptionError: No Redis is set, or it cannot be reached.
        MissingExtraError: The settings ask for what is not installed.
        ModelError: The model is not there, damaged, or breaks the contract.
        ProviderError: What should compute is not available here.
        TargetError: The folder for results cannot be made.
    """
    if not settings.redis.get_secret_value():
        raise OptionError(
            "RECHROMA_REDIS is not set: a worker has its jobs from there",
            hint="Without Redis, 'rechroma serve' does its jobs itself.",
        )
    # The threads there are only talk to Redis, by connections that no child touches.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    node = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    jobs = make_shared_jobs(settings, make_files(settings))
    _check_reachable(jobs.store)
    _check_model(settings)
    watch = Supervisor(jobs.store, settings, node)
    watch.start()
    jobs.runner.start()
    try:
        _run_celery(settings, node, ready)
    finally:
        jobs.runner.stop()
        watch.stop()
        jobs.store.close()


def _check_reachable(store: RedisStore) -> None:
    try:
        store.check()
    except StoreError as error:
        raise OptionError(
            "the Redis that RECHROMA_REDIS names does not answer",
            hint="Start it first, and look at its address and password.",
        ) from error


def _check_model(settings: Settings) -> None:
    """Load the model once: each process would fail for it later, and be begun anew for ever.

    In a process of its own, for what a model brings along does not outlive a fork.
    """
    with ProcessPoolExecutor(1, get_context("fork")) as trial:
        trial.submit(_load_model, settings).result()


def _load_model(settings: Settings) -> None:
    Predictor(settings)


def _run_celery(settings: Settings, node: str, ready: Callable[[str], object]) -> None:
    app = make_celery(settings)
    hand = Worker(settings, node)
    register(app, hand.color)
    connected = [  # Celery holds them weakly
        (signals.worker_process_init, lambda **_: hand.open()),
        (signals.worker_ready, lambda **_: ready(node)),
        (signals.setup_logging, lambda **_: None),  # the program's own logging stays as it is
    ]
    for signal, receiver in connected:
        signal.connect(receiver, weak=False)
    # This is meant for pickles, and messages are JSON.
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


class Worker:
    """One colorizing process of a Celery worker.

    Args:
        settings: Settings of the service.
        node: Name of the Celery worker that the process belongs to.
    """

    _predictor: Predictor
    _files: FileStore
    _store: RedisStore
    _name: str

    def __init__(self, settings: Settings, node: str) -> None:
        self._settings = settings
        self._node = node

    def open(self) -> None:
        """Load the model and connect, in the process itself: neither survives a fork."""
        self._files = make_files(self._settings)
        self._store = make_shared_jobs(self._settings, self._files).store
        self._predictor = Predictor(self._settings)
        self._name = worker_name(self._node, os.getpid())

    def color(self, job_id: str, number: int) -> None:
        """Colorize an image if it is still queued."""
        task = retry_forever(partial(self._store.begin, job_id, number, self._name))
        if task is not None:
            result = self._run(task)
            retry_forever(partial(self._store.finish, task, self._name, result))
            retry_forever(partial(self._clear_up, task))

    def _run(self, task: ImageTask) -> TaskResult:
        began = monotonic()
        try:
            result = run_task(self._predictor, self._files, task, self._settings)
        except SoftTimeLimitExceeded:
            return TaskResult(problem=TOO_SLOW)
        # The limit is raised inside any code, which may have wrapped it in an error of its own.
        if result.problem and monotonic() - began > 0.95 * self._settings.seconds:
            return TaskResult(problem=TOO_SLOW)
        return result

    def _clear_up(self, task: ImageTask) -> None:
        """Delete files no longer needed; another process may have taken over the image."""
        job = self._store.get(task.job_id)
        if job is None:
            self._files.delete(task.job_id)
        elif job.images[task.number - 1].state in (JobState.DONE, JobState.FAILED):
            self._files.delete_sources(task.job_id, [task.number])


def retry_forever(ask: Callable[[], _Answer]) -> _Answer:
    """Repeat a call until the store answers; the call must be idempotent."""
    asked = 0
    while True:
        try:
            return ask()
        except (StoreError, TargetError) as error:
            asked += 1
            if asked == 1:
                _log.warning("%s; retrying until it succeeds", error)
        time.sleep(_TRY_AGAIN)


class Supervisor:
    """Sends a worker's heartbeat, and requeues the images of its dead processes.

    Args:
        store: Job records in Redis.
        settings: Settings of the service.
        node: Name of the Celery worker.
    """

    def __init__(self, store: RedisStore, settings: Settings, node: str) -> None:
        self._store = store
        self._settings = settings
        self._node = node
        self._failed = -inf
        self._heartbeat = PeriodicThread(self._check, _BEAT, "the worker's heartbeat failed")

    def start(self) -> None:
        """Start the thread."""
        self._heartbeat.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._heartbeat.stop()

    def _check(self) -> None:
        try:
            self._store.heartbeat(self._node)
            self._requeue_dead()
        except StoreError:
            self._failed = monotonic()
            raise

    def _requeue_dead(self) -> None:
        own = [
            picture for picture in self._store.running() if node_of(picture.worker) == self._node
        ]
        lost = {picture.worker: picture.seconds for picture in own if self._is_lost(picture)}
        slow = {name for name, seconds in lost.items() if self._was_slow(seconds)}
        self._store.requeue_dead(slow.__contains__, 0, TOO_SLOW)
        self._store.requeue_dead(lost.__contains__, self._settings.attempts, POISON)

    def _is_lost(self, picture: RunningImage) -> bool:
        """Return whether the process died, or dropped the image long ago."""
        limit = self._settings.seconds + 2 * GRACE
        return picture.seconds > limit or _has_ended(process_of(picture.worker))

    def _was_slow(self, seconds: float) -> bool:
        """Return whether the image itself took too long, rather than an outage of Redis."""
        return seconds >= self._settings.seconds and monotonic() - self._failed > seconds


def _has_ended(process: int) -> bool:
    """Return whether a child process has exited, without reaping it: Celery does that."""
    try:
        return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
