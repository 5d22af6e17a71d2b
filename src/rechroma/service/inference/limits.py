"""Policy for slow images and for images that crash their worker process, in both modes.

An image fails when it takes longer than `Settings.seconds`; a retry would take as long. An image
whose process dies is retried, because the process may have died for another reason, such as a
restart, until it has used up `Settings.attempts`.
"""

from __future__ import annotations

from rechroma.service.errors import PoisonImageError, ProcessingTimeoutError

GRACE_SECONDS = 10
"""Seconds after the time limit at which a Celery process that ignores it is killed."""


def timeout_error(seconds: float, name: str = "") -> ProcessingTimeoutError:
    """Create the error of an image that takes longer than the time limit."""
    return ProcessingTimeoutError(
        _with_name(name, f"this image took longer than {seconds:g} seconds"),
        hint="Send a smaller image, or one with fewer bytes.",
    )


def poison_error(name: str = "") -> PoisonImageError:
    """Create the error of an image whose process died in every attempt."""
    return PoisonImageError(
        _with_name(name, "this image repeatedly crashed its worker process"),
        hint="Please report it, with the image file if possible.",
    )


def _with_name(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message
