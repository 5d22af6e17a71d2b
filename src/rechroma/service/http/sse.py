"""Server-sent events of a job: the job is polled, and each change becomes an event."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rechroma.errors import RechromaError
from rechroma.service.problems import report_problem

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from rechroma.service.schemas import JobView

_POLL_INTERVAL = 0.25  # seconds
_KEEPALIVE = 10.0  # a closed connection is only noticed when something is sent
_MAX_DURATION = 600.0  # the client then reconnects: no stream holds its slot forever
_FINISHED = ("done", "failed", "expired")


def stream_events(
    first: JobView, poll: Callable[[], JobView], closing: threading.Event
) -> Iterator[str]:
    """Yield the events of a job until it is finished.

    Args:
        first: The job now.
        poll: Returns the job at the time of the call.
        closing: Set when the server stops.

    Returns:
        The text of each event: the job in its new state, or a problem if it was deleted.
    """
    start = sent_at = monotonic()
    sent = first
    yield _event(first.state, first)
    while sent.state not in _FINISHED and monotonic() - start < _MAX_DURATION:
        if closing.wait(_POLL_INTERVAL):
            return
        try:
            current = poll()
        except RechromaError as error:
            yield _event("problem", report_problem(error))
            return
        if current != sent:
            sent, sent_at = current, monotonic()
            yield _event(current.state, current)
        elif monotonic() - sent_at > _KEEPALIVE:
            sent_at = monotonic()
            yield ": keepalive\n\n"


def _event(name: str, data: BaseModel) -> str:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n"
