"""A job store in SQLite, for one machine; several servers may share its file.

A running image records its worker, so that the images of a dead server can be queued again.
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

    from rechroma.service.jobs.types import JobCursor, NewJob

_SCHEMA_VERSION = 3
_LOCK_TIMEOUT = 30.0  # seconds to wait for another process that writes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    request_json TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    idempotency_key TEXT,
    created REAL NOT NULL,
    ended REAL,
    expired INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, idempotency_key)
);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, created, id);
CREATE TABLE IF NOT EXISTS images (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    result TEXT,
    problem TEXT,
    UNIQUE (job, number)
);
CREATE INDEX IF NOT EXISTS images_by_state ON images (state);
CREATE TABLE IF NOT EXISTS webhooks (
    job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    due REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS store (id_prefix TEXT NOT NULL);
"""
_END_JOB = """
UPDATE jobs SET ended = ? WHERE id = ? AND ended IS NULL AND NOT EXISTS (
    SELECT 1 FROM images WHERE job = jobs.id AND state IN ('queued', 'running'))
"""


class SqliteStore:
    """A :class:`~rechroma.service.jobs.protocols.JobStore` in a database file.

    Args:
        path: The database file; created if missing.
        capacity: Maximum number of queued images.

    Raises:
        StoreError: The file is not a job store, or has another schema version.
        TargetError: It cannot be created.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        with translate_os_errors(path):
            path.touch(mode=0o600)
            for file in path.parent.glob(f"{path.name}*"):  # with the journal files of SQLite
                close_to_others(file, 0o600)
        with _translate_errors():
            # One connection for all threads, under the lock: closing the last truncates the WAL.
            self._connection = sqlite3.connect(
                path, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        self._id_prefix = self._create_tables()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def id_prefix(self) -> str:
        """Return the job-id prefix unique to this store."""
        return self._id_prefix

    def add(self, job: NewJob) -> JobRecord:
        """Store a job."""
        with self._transaction() as connection:
            earlier = connection.execute(  # NULL as the key equals no other
                "SELECT id FROM jobs WHERE owner = ? AND idempotency_key = ?",
                (job.owner, job.idempotency_key),
            ).fetchone()
            if earlier is None:
                self._check_capacity(connection, len(job.names))
                self._insert(connection, job)
            found = _select_job(connection, earlier[0] if earlier else job.id)
        if found is None:  # impossible within the same transaction
            raise StoreError("a job was lost while it was stored")
        return found

    def get(self, job_id: str) -> JobRecord | None:
        """Look up a job by its id."""
        with self._transaction("BEGIN") as connection:
            return _select_job(connection, job_id)

    def list_jobs(self, owner: str, count: int, after: JobCursor | None) -> list[JobRecord]:
        """List jobs of an owner, the newest first."""
        with self._transaction("BEGIN") as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE owner = ? AND (created, id) < (?, ?)"
                " ORDER BY created DESC, id DESC LIMIT ?",
                (owner, *(after or (float("inf"), "")), count),
            ).fetchall()
            found = (_select_job(connection, job_id) for (job_id,) in rows)
            return [job for job in found if job]

    def delete(self, job_id: str) -> None:
        """Delete a job in any state."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def take(self, worker: str) -> ImageTask | None:
        """Take the image that was queued first.

        An image that was running when a server died may be what killed it, so its next worker runs
        it alone: other running images would fail with it.
        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT position, attempts, job, number, name, request_json FROM images"
                " JOIN jobs ON jobs.id = job WHERE state = 'queued' ORDER BY position LIMIT 1"
            ).fetchone()
            if row is None or self._must_run_alone(connection, worker, row[1]):
                return None
            connection.execute(
                "UPDATE images SET state = 'running', worker = ?, attempts = attempts + 1"
                " WHERE position = ?",
                (worker, row[0]),
            )
        return ImageTask(row[2], row[3], row[4], ColorizeRequest.model_validate_json(row[5]))

    def finish(self, job_id: str, number: int, holder: str, result: TaskResult) -> bool:
        """Record the result of an image."""
        state = JobState.DONE if result.problem is None else JobState.FAILED
        info, problem = (
            part and part.model_dump_json() for part in (result.result, result.problem)
        )
        with self._transaction() as connection:
            updated = connection.execute(
                "UPDATE images SET state = ?, worker = NULL, result = ?, problem = ?"
                " WHERE job = ? AND number = ? AND state = 'running' AND worker = ?",
                (state, info, problem, job_id, number, holder),
            )
            connection.execute(_END_JOB, (time.time(), job_id))
        return updated.rowcount == 1

    def requeue_dead(
        self, is_dead: Callable[[str], bool], attempts: int, problem: Problem
    ) -> list[tuple[str, int]]:
        """Queue the images of dead workers again, or fail them after too many attempts.

        Args:
            is_dead: Whether a worker is dead.
            attempts: Maximum number of attempts.
            problem: The problem of an image that has used them up.

        Returns:
            The jobs and numbers of the images that failed.
        """
        query = "SELECT DISTINCT worker FROM images WHERE state = 'running'"
        with self._transaction("BEGIN") as connection:
            workers = [worker for (worker,) in connection.execute(query).fetchall()]
        dead = [worker for worker in workers if is_dead(worker)]
        failed: list[tuple[str, int]] = []
        with self._transaction() as connection:
            for worker in dead:
                failed += connection.execute(
                    "UPDATE images SET state = 'failed', worker = NULL, problem = ?"
                    " WHERE state = 'running' AND worker = ? AND attempts >= ?"
                    " RETURNING job, number",
                    (problem.model_dump_json(), worker, attempts),
                ).fetchall()
                connection.execute(
                    "UPDATE images SET state = 'queued', worker = NULL"
                    " WHERE state = 'running' AND worker = ?",
                    (worker,),
                )
            connection.executemany(_END_JOB, [(time.time(), job_id) for job_id, _ in failed])
        return failed

    def expire(self, keep: float) -> list[str]:
        """Expire old results, and delete jobs that expired long ago."""
        now = time.time()
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM jobs WHERE expired = 1 AND ended < ?", (now - 2 * keep,)
            )
            rows = connection.execute(
                "UPDATE jobs SET expired = 1 WHERE expired = 0 AND ended < ? RETURNING id",
                (now - keep,),
            ).fetchall()
            # The names of images are personal data, and problems repeat them.
            query = "UPDATE images SET name = '', problem = NULL WHERE job = ?"
            connection.executemany(query, rows)
        return [job_id for (job_id,) in rows]

    def lease_webhook(self, lease: float) -> WebhookDelivery | None:
        """Take on a webhook that is due."""
        now = time.time()
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE webhooks SET due = ?, attempts = attempts + 1 WHERE job = ("
                " SELECT job FROM webhooks JOIN jobs ON jobs.id = job"
                " WHERE ended IS NOT NULL AND due <= ? ORDER BY due LIMIT 1"
                ") RETURNING job, url, attempts",
                (now + lease, now),
            ).fetchone()
            job = row and _select_job(connection, row[0])
        return None if job is None else WebhookDelivery(job, row[1], row[2])

    def reschedule_webhook(self, job_id: str, seconds: float | None) -> None:
        """Make a webhook due later, or drop it."""
        with self._transaction() as connection:
            if seconds is None:
                connection.execute("DELETE FROM webhooks WHERE job = ?", (job_id,))
                return
            due = time.time() + seconds
            connection.execute("UPDATE webhooks SET due = ? WHERE job = ?", (due, job_id))

    def counts(self) -> Mapping[str, int]:
        """Count the images in each state."""
        with self._transaction("BEGIN") as connection:
            rows = connection.execute("SELECT state, COUNT(*) FROM images GROUP BY state")
            return {JobState(state): count for state, count in rows.fetchall()}

    def _create_tables(self) -> str:
        """Create missing tables, and return the job-id prefix."""
        with self._transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _SCHEMA_VERSION):
                raise StoreError(
                    "the job store was created by another version of Rechroma",
                    hint="Use that version, or another folder for the jobs.",
                )
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            query = "INSERT INTO store SELECT ? WHERE NOT EXISTS (SELECT * FROM store)"
            connection.execute(query, (new_id_prefix(),))
            return str(connection.execute("SELECT id_prefix FROM store").fetchone()[0])

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Run a block as one transaction."""
        with self._lock, _translate_errors():
            self._connection.execute(begin)
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _check_capacity(self, connection: sqlite3.Connection, wanted: int) -> None:
        query = "SELECT COUNT(*) FROM images WHERE state = 'queued'"
        (waiting,) = connection.execute(query).fetchone()
        if waiting + wanted > self._capacity:
            raise OverloadedError(
                f"the queue is full: {waiting} of at most {self._capacity} images",
                hint="Try again later.",
            )

    @staticmethod
    def _insert(connection: sqlite3.Connection, job: NewJob) -> None:
        connection.execute(
            "INSERT INTO jobs (id, owner, request_json, fingerprint, idempotency_key, created)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(job.id, job.owner, job.request.model_dump_json()),
                *(job.fingerprint, job.idempotency_key, time.time()),
            ),
        )
        connection.executemany(
            "INSERT INTO images (job, number, name) VALUES (?, ?, ?)",
            [(job.id, number, name) for number, name in enumerate(job.names, 1)],
        )
        if job.webhook_url is not None:
            query = "INSERT INTO webhooks (job, url) VALUES (?, ?)"
            connection.execute(query, (job.id, job.webhook_url))

    @staticmethod
    def _must_run_alone(connection: sqlite3.Connection, worker: str, attempts: int) -> bool:
        query = "SELECT MAX(attempts) FROM images WHERE state = 'running' AND worker = ?"
        (most,) = connection.execute(query, (worker,)).fetchone()
        return most is not None and (attempts > 0 or most > 1)


def _select_job(connection: sqlite3.Connection, job_id: str) -> JobRecord | None:
    row = connection.execute(
        "SELECT id, owner, created, ended, expired, fingerprint FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    if row is None:
        return None
    rows = connection.execute(
        "SELECT number, name, state, result, problem FROM images WHERE job = ? ORDER BY number",
        (job_id,),
    ).fetchall()
    id_, owner, created, ended, expired, fingerprint = row
    images = tuple(map(_image_record, rows))
    return JobRecord(id_, owner, created, ended, bool(expired), images, fingerprint)


def _image_record(row: tuple[int, str, str, str | None, str | None]) -> ImageRecord:
    number, name, state, result, problem = row
    return ImageRecord(
        number,
        name,
        JobState(state),
        None if result is None else ResultInfo.model_validate_json(result),
        None if problem is None else Problem.model_validate_json(problem),
    )


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate exceptions of SQLite into errors of ours."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise TargetError("the disk is full") from error
        raise StoreError(f"the job store failed: {error}", hint="Try again later.") from error
