"""The exception tree of Rechroma.

Each class carries the exit code of the command line and the HTTP status of the service, so that
no front end keeps a mapping of its own::

    RechromaError
    ├── InputError                  an image that cannot be colored
    │   ├── EmptyImageError         a file without bytes, or an image without pixels
    │   ├── NotAnImageError         bytes of no known image format
    │   ├── UnsupportedImageError   an image of a kind that is not supported
    │   ├── BrokenImageError        a truncated or corrupt image
    │   ├── ImageTooSmallError      an image with a side below two pixels
    │   └── ImageTooLargeError      an image with more pixels than allowed
    ├── FileError                   a failed file-system operation
    │   ├── SourceError             a source that is missing or cannot be read
    │   ├── TargetError             a result that cannot be written (access, full disk)
    │   └── TargetExistsError       a target that exists and must not be overwritten
    ├── OptionError                 an argument or option of the wrong type or out of range
    │   ├── HintError               an invalid hint, or an invalid file of hints
    │   └── ProjectError            an invalid project file, or one of other photographs
    ├── ModelError                  an unusable model file
    │   ├── ModelNotFoundError      no model of that name or path
    │   ├── ModelIntegrityError     a SHA-256 that differs from the published one
    │   ├── ModelContractError      a file that violates the color model contract
    │   └── ModelFeatureError       a model without the requested feature (hints, distribution)
    ├── EngineError                 a failed inference
    │   ├── ProviderError           an execution provider that is unknown or not available
    │   └── InvalidChromaError      a model output with NaN, infinity or a wrong shape
    ├── MissingExtraError           an optional dependency that is not installed
    ├── AddressError                an address that a server cannot listen on
    ├── ClientError                 a failed call of a service
    │   ├── ApiError                an error response: its status, title, detail and hint
    │   ├── ConnectionFailedError   no connection, a timeout, or an unreadable response
    │   └── JobTimeoutError         a job that has not finished in the given time
    ├── InternalError               an unexpected error: a bug in Rechroma
    └── TrainingError               failed training, evaluation or export
        ├── DataError               an unusable shard or data set
        ├── FetchError              a file that cannot, or must not, be downloaded
        ├── RecipeError             a recipe with unknown keys or invalid values
        ├── CheckpointError         a checkpoint that does not match
        ├── DivergedError           a loss that is no longer finite
        ├── MemoryExhaustedError    a device with too little memory for a batch
        └── ParityError             an exported model that disagrees with its network

What only the service raises is in :mod:`rechroma.service.errors`.
"""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


COPY_AGAIN = "Copy or download the file again."
"""The hint for a damaged file."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the known word closest to an unknown one, or list them all."""
    if near := get_close_matches(word, known, n=1):
        return f"Did you mean {near[0]!r}?"
    return f"Available: {', '.join(known)}."


def install_hint(extra: str) -> str:
    """Tell how to install a missing extra, from the package index and in a checkout."""
    return (
        f'Install it: pip install "rechroma[{extra}]", or in a checkout: pip install ".[{extra}]"'
    )


class RechromaError(Exception):
    """Base class of all errors raised by Rechroma.

    Args:
        message: What is wrong, in one line, with the file name if there is one.
        hint: What the user can do about it, in one line.

    Attributes:
        exit_code: Exit code of the command line for this error.
        http_status: HTTP status of the service for this error.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RechromaError):
    """The image cannot be colored.

    Args:
        message: What is wrong, in one line, with the file name if there is one.
        hint: What the user can do about it, in one line.
        kind: The kind of file, for programs, if it is one that is not read, such as "raw".
    """

    exit_code = 65
    http_status = 422

    def __init__(self, message: str, *, hint: str | None = None, kind: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class EmptyImageError(InputError):
    """The file has no bytes, or the image no pixels."""


class NotAnImageError(InputError):
    """The bytes are in no known image format."""

    http_status = 415


class UnsupportedImageError(InputError):
    """The image is of a kind that is not supported."""

    http_status = 415


class BrokenImageError(InputError):
    """The image is truncated or corrupt."""


class ImageTooSmallError(InputError):
    """A side of the image is below two pixels."""


class ImageTooLargeError(InputError):
    """The image has more pixels than allowed."""

    http_status = 413


class FileError(RechromaError):
    """A file-system operation failed."""


class SourceError(FileError):
    """The source is missing or cannot be read."""

    exit_code = 66
    http_status = 404


class TargetError(FileError):
    """The result cannot be written."""

    exit_code = 73
    http_status = 507


class TargetExistsError(FileError):
    """The target exists and must not be overwritten."""

    exit_code = 73
    http_status = 409


class OptionError(RechromaError, ValueError):
    """An argument or option is of the wrong type or out of range."""

    exit_code = 2
    http_status = 422


class HintError(OptionError):
    """A hint, or a file of hints, is invalid."""

    exit_code = 65


class ProjectError(OptionError):
    """A project file is invalid, or does not belong to the photographs."""

    exit_code = 65


class ModelError(RechromaError):
    """A model file cannot be used."""

    exit_code = 78


class ModelNotFoundError(ModelError):
    """There is no model with that name or path."""


class ModelIntegrityError(ModelError):
    """The SHA-256 of the model file differs from the published one."""


class ModelContractError(ModelError):
    """The file violates the color model contract."""


class ModelFeatureError(ModelError):
    """The model lacks a requested feature: support for hints, or a distribution."""

    exit_code = 69
    http_status = 422


class EngineError(RechromaError):
    """Inference failed."""

    exit_code = 70


class ProviderError(EngineError):
    """The execution provider is unknown or not available on this machine."""

    exit_code = 69
    http_status = 503


class InvalidChromaError(EngineError):
    """The model output contains NaN or infinity, or has a wrong shape."""


class MissingExtraError(RechromaError):
    """An optional dependency is not installed."""

    exit_code = 69
    http_status = 501


class AddressError(RechromaError):
    """A server cannot listen on its address: it is in use, or needs more privileges."""

    exit_code = 69


class ClientError(RechromaError):
    """A call of a service failed."""

    exit_code = 69
    http_status = 502


class ApiError(ClientError):
    """The service answered with an error.

    Args:
        status: HTTP status, 300 to 599.
        title: Kind of problem.
        detail: What is wrong with this request, if the service says so.
        hint: What the caller can do about it.
    """

    def __init__(
        self, status: int, title: str, detail: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(detail or title, hint=hint)
        self.status = status
        self.title = title
        self.detail = detail


class ConnectionFailedError(ClientError):
    """The connection failed or timed out, or the response is unreadable."""

    http_status = 504


class JobTimeoutError(ClientError):
    """The job has not finished in the given time."""

    http_status = 504


class InternalError(RechromaError):
    """An unexpected error: a bug in Rechroma."""

    exit_code = 70

    @classmethod
    def from_exception(cls, error: Exception, name: object = None) -> InternalError:
        """Wrap an unexpected exception, which becomes the cause.

        Args:
            error: The exception.
            name: Name of the image being processed, if known.
        """
        first_line = (str(error).splitlines() or [""])[0]
        message = f"unexpected {type(error).__name__}: {first_line}"
        internal = cls(
            message if name is None else f"{name}: {message}",
            hint="This is a bug in Rechroma: please report it.",
        )
        internal.__cause__ = error
        return internal


class TrainingError(RechromaError):
    """Training, evaluation or export failed."""


class DataError(TrainingError):
    """A shard or data set cannot be used."""

    exit_code = 65


class FetchError(TrainingError):
    """A file cannot, or must not, be downloaded."""

    exit_code = 69


class RecipeError(TrainingError):
    """A recipe has unknown keys or invalid values."""

    exit_code = 78


class CheckpointError(TrainingError):
    """A checkpoint does not match the network or the recipe."""

    exit_code = 65


class DivergedError(TrainingError):
    """The training loss is no longer finite."""

    exit_code = 70


class MemoryExhaustedError(TrainingError):
    """The device has too little memory for a batch."""

    exit_code = 71


class ParityError(TrainingError):
    """An exported model disagrees with the network it was exported from."""

    exit_code = 70


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
    except InputError as error:
        message = f"{prefix}{error.message}"
        raise type(error)(message, hint=error.hint, kind=error.kind) from error.__cause__
    except (EngineError, OptionError, MissingExtraError) as error:
        raise type(error)(f"{prefix}{error.message}", hint=error.hint) from error.__cause__
    except MemoryError as error:
        raise ImageTooLargeError(
            f"{prefix}the image does not fit into memory",
            hint="Close other programs, or colorize fewer images at a time.",
        ) from error
