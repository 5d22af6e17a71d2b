"""Background colorization jobs and their results.

A `JobStore` keeps the state of jobs, a `FileStore` their files, a `JobRunner` has their images
colorized, and the `JobService` is the facade that the API calls.
"""

from __future__ import annotations

from rechroma.service.jobs.factory import SharedJobs, make_files, make_shared_jobs
from rechroma.service.jobs.files import LocalFileStore
from rechroma.service.jobs.job_service import JobService, ResultFile
from rechroma.service.jobs.protocols import FileStore, JobRunner, JobStore
from rechroma.service.jobs.sqlite import SqliteStore
from rechroma.service.jobs.threads import ThreadRunner
from rechroma.service.jobs.types import (
    ImageRecord,
    ImageTask,
    JobRecord,
    JobState,
    NewJob,
    OpenFile,
    TaskResult,
    Upload,
    WebhookDelivery,
)

__all__ = [
    "FileStore",
    "ImageRecord",
    "ImageTask",
    "JobRecord",
    "JobRunner",
    "JobService",
    "JobState",
    "JobStore",
    "LocalFileStore",
    "NewJob",
    "OpenFile",
    "ResultFile",
    "SharedJobs",
    "SqliteStore",
    "TaskResult",
    "ThreadRunner",
    "Upload",
    "WebhookDelivery",
    "make_files",
    "make_shared_jobs",
]
