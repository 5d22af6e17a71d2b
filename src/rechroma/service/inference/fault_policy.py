"""Policy for slow images and for images that crash their worker process, in both modes.

An image fails when it takes longer than `Settings.seconds`; a retry would take as long. An image
whose process dies is retried, because the process may have died for another reason, such as a
restart, until it has used up `Settings.attempts`.
"""

from __future__ import annotations

from rechroma.errors import ModelError
from rechroma.service.errors import PoisonImageError, ProcessingTimeoutError

GRACE_SECONDS = 10
"""Seconds after the time limit at which a Celery process that ignores it is killed."""

LOAD_SECONDS = 120.0
"""Seconds that a process has to load the model."""


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


def load_error() -> ModelError:
    """Create the error of a process that dies, or hangs, while it loads the model."""
    return ModelError(
        "a worker process could not load the model: it ended unexpectedly, or took longer than"
        f" {LOAD_SECONDS:g} seconds",
        hint="Check that there is enough memory for all workers, or set fewer.",
    )


def _with_name(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message
