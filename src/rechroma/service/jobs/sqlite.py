"""The table of jobs in SQLite, for one machine: several servers may share its folder.

A picture that is begun bears the name of its worker, so that what a dead server had in hand is
found and begun again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rechroma.errors import TargetError
from rechroma.fs import translate_os_errors
from rechroma.service.errors import OverloadedError, StoreError
from rechroma.service.jobs.files import close_to_others
from rechroma.service.jobs.types import (
    ImageRecord,
    ImageTask,
    JobRecord,
    JobState,
    TaskResult,
    WebhookDelivery,
    new_id_prefix,
)
from rechroma.service.schemas import ColorizeRequest, Problem, ResultInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rechroma.service.jobs.types import NewJob

_VERSION = 2
_PATIENCE = 30.0  # seconds to wait for another process that writes
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    order_json TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    idempotency_key TEXT,
    created REAL NOT NULL,
    ended REAL,
    expired INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, idempotency_key)
);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended);
CREATE TABLE IF NOT EXISTS pictures (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    made TEXT,
    problem TEXT,
    UNIQUE (job, number)
);
CREATE INDEX IF NOT EXISTS pictures_by_state ON pictures (state);
CREATE TABLE IF NOT EXISTS callbacks (
    job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    due REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS mark (text TEXT NOT NULL);
"""
_END = """
UPDATE jobs SET ended = ? WHERE id = ? AND ended IS NULL AND NOT EXISTS (
    SELECT 1 FROM pictures WHERE job = jobs.id AND state IN ('queued', 'running'))
"""


class SqliteStore:
    """Keeps :class:`rechroma.service.jobs.JobStore` in one file.

    Args:
        path: The file; is made where it is missing.
        capacity: How many pictures may wait.

    Raises:
        StoreError: The file is no table of jobs, or one of another version.
        TargetError: It cannot be made.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        with translate_os_errors(path):
            path.touch(mode=0o600)
            for file in path.parent.glob(f"{path.name}*"):  # with what SQLite lays beside it
                close_to_others(file, 0o600)
        with _explained():
            # One connection for all threads, under the lock: closing the last would fold the log.
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        self._id_prefix = self._make_tables()

    def close(self) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.close`."""
        with self._lock:
            self._connection.close()

    def id_prefix(self) -> str:
        """See :meth:`rechroma.service.jobs.JobStore.id_prefix`."""
        return self._id_prefix

    def add(self, job: NewJob) -> JobRecord:
        """See :meth:`rechroma.service.jobs.JobStore.add`."""
        with self._transaction() as connection:
            earlier = self._earlier(connection, job)
            if earlier is None:
                self._check_room(connection, len(job.names))
                self._insert(connection, job)
            found = _find(connection, earlier or job.id)
        if found is None:  # cannot be: it stands in the same transaction
            raise StoreError("a job was lost as it was entered")
        return found

    def get(self, job_id: str) -> JobRecord | None:
        """See :meth:`rechroma.service.jobs.JobStore.get`."""
        with self._transaction("BEGIN") as connection:
            return _find(connection, job_id)

    def delete(self, job_id: str) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.delete`."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def take(self, worker: str) -> ImageTask | None:
        """The picture that has waited longest, which is this worker's from now on.

        One over which a server died may be what killed it, so the worker has it alone: the others
        that were in hand would fail with it.
        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT place, attempts, job, number, name, order_json FROM pictures"
                " JOIN jobs ON jobs.id = job WHERE state = 'queued' ORDER BY place LIMIT 1"
            ).fetchone()
            if row is None or self._must_wait(connection, worker, row[1]):
                return None
            connection.execute(
                "UPDATE pictures SET state = 'running', worker = ?, attempts = attempts + 1"
                " WHERE place = ?",
                (worker, row[0]),
            )
        return ImageTask(row[2], row[3], row[4], ColorizeRequest.model_validate_json(row[5]))

    def finish(self, task: ImageTask, worker: str, outcome: TaskResult) -> bool:
        """See :meth:`rechroma.service.jobs.JobStore.finish`."""
        state = JobState.DONE if outcome.problem is None else JobState.FAILED
        made, problem = (
            part and part.model_dump_json() for part in (outcome.result, outcome.problem)
        )
        with self._transaction() as connection:
            done = connection.execute(
                "UPDATE pictures SET state = ?, worker = NULL, made = ?, problem = ?"
                " WHERE job = ? AND number = ? AND state = 'running' AND worker = ?",
                (state, made, problem, task.job_id, task.number, worker),
            )
            connection.execute(_END, (time.time(), task.job_id))
        return done.rowcount == 1

    def requeue_dead(self, is_dead: Callable[[str], bool], attempts: int, problem: Problem) -> None:
        """Let the pictures of dead workers wait again, or fail after so many attempts.

        Args:
            is_dead: Tells it of a worker.
            attempts: The most there may be.
            problem: What is said of a picture that had them all.
        """
        dead = [worker for worker in self._workers() if is_dead(worker)]
        with self._transaction() as connection:
            for worker in dead:
                self._requeue_dead(connection, worker, attempts, problem)

    def expire(self, keep: float) -> list[str]:
        """See :meth:`rechroma.service.jobs.JobStore.expire`."""
        now = time.time()
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM jobs WHERE expired = 1 AND ended < ?", (now - 2 * keep,)
            )
            rows = connection.execute(
                "UPDATE jobs SET expired = 1 WHERE expired = 0 AND ended < ? RETURNING id",
                (now - keep,),
            ).fetchall()
            # What people call their pictures goes with the pictures; problems say it, too.
            query = "UPDATE pictures SET name = '', problem = NULL WHERE job = ?"
            connection.executemany(query, rows)
        return [job_id for (job_id,) in rows]

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """See :meth:`rechroma.service.jobs.JobStore.lease_webhook`."""
        now = time.time()
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE callbacks SET due = ?, attempts = attempts + 1 WHERE job = ("
                " SELECT job FROM callbacks JOIN jobs ON jobs.id = job"
                " WHERE ended IS NOT NULL AND due <= ? ORDER BY due LIMIT 1"
                ") RETURNING job, url, attempts",
                (now + lease, now),
            ).fetchone()
            job = row and _find(connection, row[0])
        return None if job is None else WebhookDelivery(job, row[1], row[2])

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """See :meth:`rechroma.service.jobs.JobStore.reschedule_webhook`."""
        with self._transaction() as connection:
            if seconds is None:
                connection.execute("DELETE FROM callbacks WHERE job = ?", (job_id,))
                return
            due = time.time() + seconds
            connection.execute("UPDATE callbacks SET due = ? WHERE job = ?", (due, job_id))

    def counts(self) -> Mapping[str, int]:
        """See :meth:`rechroma.service.jobs.JobStore.counts`."""
        with self._transaction("BEGIN") as connection:
            rows = connection.execute("SELECT state, COUNT(*) FROM pictures GROUP BY state")
            return {JobState(state): count for state, count in rows.fetchall()}

    def _make_tables(self) -> str:
        """Make what is missing of the tables; gives their mark."""
        with self._transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise StoreError(
                    "the table of jobs was made by another version",
                    hint="Take that version, or another folder for the jobs.",
                )
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            marked = "INSERT INTO mark SELECT ? WHERE NOT EXISTS (SELECT * FROM mark)"
            connection.execute(marked, (new_id_prefix(),))
            return str(connection.execute("SELECT text FROM mark").fetchone()[0])

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """All of it or nothing."""
        with self._lock, _explained():
            self._connection.execute(begin)
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @staticmethod
    def _earlier(connection: sqlite3.Connection, job: NewJob) -> str | None:
        """The job that came with the same key, if any."""
        if job.idempotency_key is None:
            return None
        row = connection.execute(
            "SELECT id FROM jobs WHERE owner = ? AND idempotency_key = ?",
            (job.owner, job.idempotency_key),
        ).fetchone()
        return None if row is None else str(row[0])

    def _check_room(self, connection: sqlite3.Connection, wanted: int) -> None:
        query = "SELECT COUNT(*) FROM pictures WHERE state = 'queued'"
        (waiting,) = connection.execute(query).fetchone()
        if waiting + wanted > self._capacity:
            raise OverloadedError(
                f"{waiting} pictures wait, and there is room for {self._capacity}",
                hint="Try again later.",
            )

    @staticmethod
    def _insert(connection: sqlite3.Connection, job: NewJob) -> None:
        connection.execute(
            "INSERT INTO jobs (id, owner, order_json, fingerprint, idempotency_key, created)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(job.id, job.owner, job.request.model_dump_json()),
                *(job.fingerprint, job.idempotency_key, time.time()),
            ),
        )
        connection.executemany(
            "INSERT INTO pictures (job, number, name) VALUES (?, ?, ?)",
            [(job.id, number, name) for number, name in enumerate(job.names, 1)],
        )
        if job.webhook_url is not None:
            query = "INSERT INTO callbacks (job, url) VALUES (?, ?)"
            connection.execute(query, (job.id, job.webhook_url))

    @staticmethod
    def _must_wait(connection: sqlite3.Connection, worker: str, attempts: int) -> bool:
        query = "SELECT MAX(attempts) FROM pictures WHERE state = 'running' AND worker = ?"
        (in_hand,) = connection.execute(query, (worker,)).fetchone()
        return in_hand is not None and (attempts > 0 or in_hand > 1)

    def _workers(self) -> list[str]:
        query = "SELECT DISTINCT worker FROM pictures WHERE state = 'running'"
        with self._transaction("BEGIN") as connection:
            return [worker for (worker,) in connection.execute(query).fetchall()]

    @staticmethod
    def _requeue_dead(
        connection: sqlite3.Connection, worker: str, attempts: int, problem: Problem
    ) -> None:
        failed = connection.execute(
            "UPDATE pictures SET state = 'failed', worker = NULL, problem = ?"
            " WHERE state = 'running' AND worker = ? AND attempts >= ? RETURNING job",
            (problem.model_dump_json(), worker, attempts),
        ).fetchall()
        connection.executemany(_END, [(time.time(), job_id) for (job_id,) in failed])
        connection.execute(
            "UPDATE pictures SET state = 'queued', worker = NULL"
            " WHERE state = 'running' AND worker = ?",
            (worker,),
        )


def _find(connection: sqlite3.Connection, job_id: str) -> JobRecord | None:
    row = connection.execute(
        "SELECT id, owner, created, ended, expired, fingerprint FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    if row is None:
        return None
    pictures = connection.execute(
        "SELECT number, name, state, made, problem FROM pictures WHERE job = ? ORDER BY number",
        (job_id,),
    ).fetchall()
    id_, owner, created, ended, expired, fingerprint = row
    shown = tuple(map(_picture, pictures))
    return JobRecord(id_, owner, created, ended, bool(expired), shown, fingerprint)


def _picture(row: tuple[int, str, str, str | None, str | None]) -> ImageRecord:
    number, name, state, made, problem = row
    return ImageRecord(
        number,
        name,
        JobState(state),
        None if made is None else ResultInfo.model_validate_json(made),
        None if problem is None else Problem.model_validate_json(problem),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what SQLite raises into errors of ours."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise TargetError("the disk is full") from error
        raise StoreError(f"the table of jobs: {error}", hint="Try again later.") from error
