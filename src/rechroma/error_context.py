"""Says of which picture an error speaks: among 50,000 files nothing else helps."""

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
    """Put a picture's name before what is raised about it inside.

    Errors of the file system pass: they name the file already.

    Args:
        name: What the picture is called, such as its path.

    Raises:
        ImageTooLargeError: In place of a `MemoryError`.
    """
    try:
        yield
    except (InputError, EngineError, OptionError, MissingExtraError) as error:
        raise type(error)(f"{name}: {error.message}", hint=error.hint) from error.__cause__
    except MemoryError as error:
        raise ImageTooLargeError(
            f"{name}: the picture does not fit into memory",
            hint="Close other programs, or color fewer pictures at a time.",
        ) from error
