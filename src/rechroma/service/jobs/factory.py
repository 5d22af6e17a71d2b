"""Construction of stores and runners from the settings, with lazy imports of optional packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rechroma.errors import MissingExtraError, install_hint
from rechroma.service.jobs.files import LocalFileStore
from rechroma.service.jobs.job_service import JobService

if TYPE_CHECKING:
    from rechroma.service.jobs.celery import CeleryRunner
    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.redis import RedisStore
    from rechroma.service.settings import Settings


_FOLDER = "rechroma-jobs"  # other files beside it are left alone


class SharedJobs(NamedTuple):
    """Access to the jobs that several servers and workers share."""

    store: RedisStore
    runner: CeleryRunner
    job_service: JobService


def make_files(settings: Settings) -> FileStore:
    """Create the file store of the settings.

    Raises:
        MissingExtraError: It is at a URL, and fsspec is not installed.
        OptionError: The protocol of the URL is unknown.
        TargetError: The folder cannot be created.
    """
    if "://" not in settings.files:
        folder = Path(settings.files).absolute() / _FOLDER if settings.files else None
        return LocalFileStore(folder or settings.data / "jobs")
    _need("fsspec", "RECHROMA_FILES")
    from rechroma.service.jobs.object_store import RemoteFileStore

    return RemoteFileStore(f"{settings.files.rstrip('/')}/{_FOLDER}")


def make_shared_jobs(settings: Settings, files: FileStore) -> SharedJobs:
    """Create the store and the runner of the distributed mode, without connecting to Redis yet.

    Raises:
        MissingExtraError: The packages for Redis or Celery are not installed.
    """
    _need("redis", "RECHROMA_REDIS")
    _need("celery", "RECHROMA_REDIS")
    from rechroma.service.jobs.celery import CeleryRunner
    from rechroma.service.jobs.redis import RedisStore

    store = RedisStore(settings.redis.get_secret_value(), settings.queue)
    job_service = JobService(store, files, settings.keep)
    return SharedJobs(store, CeleryRunner(store, settings, job_service.cleanup), job_service)


def _need(module: str, setting: str) -> None:
    if find_spec(module) is None:
        raise MissingExtraError(
            f"{setting} needs {module}, which is not installed", hint=install_hint("serve")
        )
