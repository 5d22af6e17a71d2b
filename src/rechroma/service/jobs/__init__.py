"""Jobs: pictures that are coloured after the request, and their results.

A `Store` is the table of jobs, a `Runner` sees to it that their pictures are coloured, `Files`
hold the pictures, and the `Desk` is what the API talks to.
"""

from __future__ import annotations

from rechroma.service.jobs.base import (
    Callback,
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
from rechroma.service.jobs.desk import Desk
from rechroma.service.jobs.files import Files
from rechroma.service.jobs.sqlite import SqliteStore
from rechroma.service.jobs.threads import ThreadRunner

__all__ = [
    "Callback",
    "Desk",
    "Files",
    "Incoming",
    "Job",
    "NewJob",
    "Outcome",
    "Picture",
    "Runner",
    "SqliteStore",
    "State",
    "Store",
    "Task",
    "ThreadRunner",
]
