"""Jobs: pictures that are colored after the request, and their results.

A `Store` is the table of jobs, a `Runner` sees to it that their pictures are colored, `Files`
hold the pictures, and the `JobService` is what the API talks to.
"""

from __future__ import annotations

from rechroma.service.jobs.factory import SharedJobs, make_files, make_shared_jobs
from rechroma.service.jobs.files import FolderFiles
from rechroma.service.jobs.job_service import JobService, ResultFile
from rechroma.service.jobs.sqlite import SqliteStore
from rechroma.service.jobs.threads import ThreadRunner
from rechroma.service.jobs.types import (
    Callback,
    Content,
    Files,
    Incoming,
    Job,
    NewJob,
    Outcome,
    Picture,
    Runner,
    State,
    Store,
    Task,
)

__all__ = [
    "Callback",
    "Content",
    "Files",
    "FolderFiles",
    "Incoming",
    "Job",
    "JobService",
    "NewJob",
    "Outcome",
    "Picture",
    "ResultFile",
    "Runner",
    "SharedJobs",
    "SqliteStore",
    "State",
    "Store",
    "Task",
    "ThreadRunner",
    "make_files",
    "make_shared_jobs",
]
