"""Policy for slow images and for images that crash their worker process, in both modes.

An image fails when it takes longer than `Settings.seconds`; a retry would take as long. An image
whose process dies is retried, because the process may have died for another reason, such as a
restart, until it has used up `Settings.attempts`.
"""

from __future__ import annotations

from rechroma.service.errors import PoisonImageError, ProcessingTimeoutError

GRACE_SECONDS = 10
"""Seconds after the time limit at which a Celery process that ignores it is killed."""


def timeout_error(seconds: float, name: str = "the image") -> ProcessingTimeoutError:
    """Create the error of an image that takes longer than the time limit."""
    return ProcessingTimeoutError(
        f"{name}: took longer than {seconds:g} seconds",
        hint="Send a smaller image; the operator of the service can raise RECHROMA_SECONDS.",
    )


def poison_error(name: str = "the image") -> PoisonImageError:
    """Create the error of an image whose process died in every attempt."""
    return PoisonImageError(
        f"{name}: crashed every process that colorized it",
        hint="Report it together with the image file; other images are not affected.",
    )
