"""Server-sent events of a job: it is looked at again and again, and each change is told."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rechroma.errors import RechromaError
from rechroma.service.problems import problem_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from rechroma.service.schemas import JobView

_LOOK_AGAIN = 0.25  # seconds
_SIGN_OF_LIFE = 10.0  # a client that is gone is noticed when something is sent
_LONGEST = 600.0  # then the client asks again: none holds its place for ever
_ENDED = ("done", "failed", "expired")


def event_stream(
    first: JobView, look: Callable[[], JobView], closing: threading.Event
) -> Iterator[str]:
    """The events of a job until it ends.

    Args:
        first: The job as it is now.
        look: Gives the job as it is when called.
        closing: Is set when the server stops.

    Returns:
        The text of each event: the job in its new state, or a problem if it was deleted.
    """
    began = told_at = monotonic()
    told = first
    yield _event(first.state, first)
    while told.state not in _ENDED and monotonic() - began < _LONGEST:
        if closing.wait(_LOOK_AGAIN):
            return
        try:
            now = look()
        except RechromaError as error:
            yield _event("problem", problem_of(error))
            return
        if now != told:
            told, told_at = now, monotonic()
            yield _event(now.state, now)
        elif monotonic() - told_at > _SIGN_OF_LIFE:
            told_at = monotonic()
            yield ": still there\n\n"


def _event(name: str, data: BaseModel) -> str:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n"
