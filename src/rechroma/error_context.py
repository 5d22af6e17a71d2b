"""Prefixing of errors with the image's name: in a batch of 50,000 files nothing else helps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rechroma.errors import (
    EngineError,
    ImageTooLargeError,
    InputError,
    MissingExtraError,
    OptionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def error_context(name: object) -> Iterator[None]:
    """Prefix the errors raised inside with the name of an image.

    File-system errors pass unchanged: they name the file already.

    Args:
        name: Name of the image, such as its path; "" for one that needs no name.

    Raises:
        ImageTooLargeError: Instead of a `MemoryError`.
    """
    prefix = f"{name}: " if name != "" else ""
    try:
        yield
    except (InputError, EngineError, OptionError, MissingExtraError) as error:
        raise type(error)(f"{prefix}{error.message}", hint=error.hint) from error.__cause__
    except MemoryError as error:
        raise ImageTooLargeError(
            f"{prefix}the image does not fit into memory",
            hint="Close other programs, or colorize fewer images at a time.",
        ) from error
