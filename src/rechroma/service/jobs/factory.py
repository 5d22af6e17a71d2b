"""Makes what the settings ask for; what needs a package of an extra is imported only then."""

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


_OWN_FOLDER = "rechroma-jobs"  # what else lies beside it is somebody's own


class SharedJobs(NamedTuple):
    """The jobs of many servers and workers, as one of them has them at hand."""

    store: RedisStore
    runner: CeleryRunner
    job_service: JobService


def make_files(settings: Settings) -> FileStore:
    """Where uploads and results go.

    Raises:
        MissingExtraError: It is behind a URL, and fsspec is not installed.
        OptionError: It is behind a URL that is not known.
        TargetError: The folder cannot be made.
    """
    if "://" not in settings.files:
        place = Path(settings.files).absolute() / _OWN_FOLDER if settings.files else None
        return LocalFileStore(place or settings.data / "jobs")
    _need("fsspec", "RECHROMA_FILES")
    from rechroma.service.jobs.remote import RemoteFileStore

    return RemoteFileStore(f"{settings.files.rstrip('/')}/{_OWN_FOLDER}")


def make_shared_jobs(settings: Settings, files: FileStore) -> SharedJobs:
    """The jobs in the Redis that the settings name; nothing is asked of it yet.

    Raises:
        MissingExtraError: What speaks to Redis is not installed.
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
