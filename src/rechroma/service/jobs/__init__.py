"""Jobs: pictures that are coloured after the request, and their results.

A `Store` is the table of jobs, a `Runner` sees to it that their pictures are coloured, `Files`
hold the pictures, and the `Desk` is what the API talks to.
"""

from __future__ import annotations

from rechroma.service.jobs.base import (
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
from rechroma.service.jobs.desk import Desk, ResultFile
from rechroma.service.jobs.files import FolderFiles
from rechroma.service.jobs.making import SharedJobs, make_files, make_shared_jobs
from rechroma.service.jobs.sqlite import SqliteStore
from rechroma.service.jobs.threads import ThreadRunner

__all__ = [
    "Callback",
    "Content",
    "Desk",
    "Files",
    "FolderFiles",
    "Incoming",
    "Job",
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
