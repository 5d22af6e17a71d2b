"""Every error that Rechroma raises on purpose, as one tree.

Each leaf knows the exit code with which the command line ends and the HTTP status with which a
service answers, so that no front end keeps a table of its own::

    RechromaError
    ├── InputError                  what was given cannot be colored
    │   ├── EmptyImageError         the file holds no bytes, or the picture no pixels
    │   ├── NotAnImageError         the bytes are of no known picture format
    │   ├── UnsupportedImageError   a picture, but of a kind that is not handled
    │   ├── BrokenImageError        a picture that ends early or does not decode
    │   ├── ImageTooSmallError      a side below two pixels: there is nothing to see in it
    │   └── ImageTooLargeError      more pixels than the limit allows
    ├── FileError                   the file system said no
    │   ├── SourceError             the source is missing or may not be read
    │   ├── TargetError             the result could not be written (access, full disk)
    │   └── TargetExistsError       the result is already there and was not to be overwritten
    ├── OptionError                 a knob or an option outside its range
    │   └── HintError               a hint, or a file of hints, that makes no sense
    ├── ModelError                  the color model file
    │   ├── ModelNotFoundError      no model of that name or path
    │   ├── ModelIntegrityError     the file's SHA-256 is not the one that was published
    │   ├── ModelContractError      the file breaks the color model contract
    │   └── ModelFeatureError       it takes no hints, or gives no distribution
    ├── EngineError                 running the model
    │   ├── ProviderError           the provider is unknown or not available here
    │   └── InvalidChromaError      the model gave a NaN, an infinity or a wrong shape
    ├── MissingExtraError           an optional dependency is not installed
    ├── ServiceError                a request that the service did not take
    │   ├── RequestError            a body that is not what the service reads
    │   ├── AuthenticationError             no key, or one that is not known
    │   ├── ForbiddenOriginError             a browser asks for a page of another site
    │   ├── JobNotFoundError          no job has that number, or it is somebody else's
    │   ├── NotAcceptableError      the answer is wanted in a format that is not written
    │   ├── JobNotReadyError        the job has no result yet, or none at all
    │   ├── JobExpiredError         the result was kept for its time, and is gone
    │   ├── UploadTooLargeError     more bytes or pictures than are taken at once
    │   ├── IdempotencyConflictError        an Idempotency-Key that came with another request before
    │   ├── OverloadedError               the queue is full, or all hands are busy
    │   ├── ProcessingTimeoutError            a picture that takes longer than the service allows
    │   ├── PoisonImageError             a picture over which the processes end that color it
    │   └── StoreError              the table of jobs cannot be read or written
    ├── ClientError                 asking a service from another program
    │   ├── ApiError            the service said no: its status, title, detail and hint
    │   ├── ConnectionFailedError        no connection, no answer in time, or none that makes sense
    │   └── JobTimeoutError         a job that has not ended in the time it was given
    ├── InternalError             a fault of the program's own, such as nobody foresaw
    └── TrainingError               training, measuring and exporting
        ├── DataError               a shard or data set that cannot be used
        ├── FetchError              a picture that cannot be fetched, or may not be
        ├── RecipeError             a recipe with unknown keys or impossible values
        ├── CheckpointError         a checkpoint that does not fit
        ├── DivergedError           a loss that is not finite any more
        ├── MemoryExhaustedError    a device with too little memory for a batch
        └── ParityError             an exported model that disagrees with its network
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Advice for a word that is not known: the nearest that is, or all of them."""
    if near := get_close_matches(word, known, n=1):
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(known)}."


def install_hint(extra: str) -> str:
    """Advice for an optional dependency that is missing, for a checkout and elsewhere."""
    return (
        f'Install it: pip install "rechroma[{extra}]", or in a checkout: pip install ".[{extra}]"'
    )


class RechromaError(Exception):
    """The root of all errors raised on purpose.

    Args:
        message: One line that says what is wrong, with the file's name where there is one.
        hint: One line that says what the user can do about it.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RechromaError):
    """What was given cannot be colored."""

    exit_code = 65
    http_status = 422


class EmptyImageError(InputError):
    """The file holds no bytes, or the picture no pixels."""


class NotAnImageError(InputError):
    """The bytes are of no known picture format."""

    http_status = 415


class UnsupportedImageError(InputError):
    """A picture, but of a kind that is not handled."""

    http_status = 415


class BrokenImageError(InputError):
    """A picture that ends early or does not decode."""


class ImageTooSmallError(InputError):
    """A picture with a side below two pixels."""


class ImageTooLargeError(InputError):
    """A picture with more pixels than the limit allows."""

    http_status = 413


class FileError(RechromaError):
    """The file system said no."""

    exit_code = 74


class SourceError(FileError):
    """The source is missing or may not be read."""

    exit_code = 66
    http_status = 404


class TargetError(FileError):
    """The result could not be written."""

    exit_code = 73
    http_status = 507


class TargetExistsError(FileError):
    """The result is already there and was not to be overwritten."""

    exit_code = 73
    http_status = 409


class OptionError(RechromaError, ValueError):
    """A knob or an option outside its range."""

    exit_code = 2
    http_status = 422


class HintError(OptionError):
    """A hint, or a file of hints, makes no sense."""

    exit_code = 65


class ModelError(RechromaError):
    """Something is wrong with a color model file."""

    exit_code = 78


class ModelNotFoundError(ModelError):
    """There is no model of that name or path."""

    http_status = 404


class ModelIntegrityError(ModelError):
    """The file's SHA-256 is not the one that was published."""


class ModelContractError(ModelError):
    """The file breaks the color model contract."""


class ModelFeatureError(ModelError):
    """The model lacks what was asked of it: it takes no hints, or gives no distribution."""

    exit_code = 69
    http_status = 422


class EngineError(RechromaError):
    """Running the model failed."""

    exit_code = 70


class ProviderError(EngineError):
    """The provider is unknown, or not available on this machine."""

    exit_code = 69
    http_status = 503


class InvalidChromaError(EngineError):
    """The model gave a NaN, an infinity or a wrong shape."""


class MissingExtraError(RechromaError):
    """An optional dependency is not installed."""

    exit_code = 69
    http_status = 501


class ServiceError(RechromaError):
    """The service did not take a request."""

    exit_code = 69


class RequestError(ServiceError):
    """The body of the request is not what the service reads."""

    http_status = 400


class AuthenticationError(ServiceError):
    """There is no key in the request, or one that is not known."""

    http_status = 401


class ForbiddenOriginError(ServiceError):
    """A browser asks for a page of another site that is not let in."""

    http_status = 403


class JobNotFoundError(ServiceError):
    """There is no such job, or it is somebody else's."""

    http_status = 404


class NotAcceptableError(ServiceError):
    """The answer is wanted in a format that is not written."""

    http_status = 406


class JobNotReadyError(ServiceError):
    """The job has no result yet, or none at all."""

    http_status = 409


class JobExpiredError(ServiceError):
    """The result was kept for its time, and is gone."""

    http_status = 410


class UploadTooLargeError(ServiceError):
    """More bytes or pictures than are taken at once."""

    http_status = 413


class IdempotencyConflictError(ServiceError):
    """The Idempotency-Key came with another request before."""

    http_status = 422


class OverloadedError(ServiceError):
    """The queue is full, or all hands are busy: try again a little later."""

    http_status = 503


class ProcessingTimeoutError(ServiceError):
    """The picture takes longer than the service allows."""

    http_status = 422


class PoisonImageError(ServiceError):
    """The processes end that color this picture."""

    http_status = 500


class StoreError(ServiceError):
    """The table of jobs cannot be read or written."""

    http_status = 503


class ClientError(RechromaError):
    """A service was asked, and it did not work."""

    exit_code = 69
    http_status = 502


class ApiError(ClientError):
    """The service said no.

    Args:
        status: HTTP status, 300 to 599.
        title: What kind of problem it is.
        detail: What was wrong with this request, if the service said so.
        hint: What can be done about it.
    """

    def __init__(
        self, status: int, title: str, detail: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(detail or title, hint=hint)
        self.status = status
        self.title = title
        self.detail = detail


class ConnectionFailedError(ClientError):
    """There is no connection, no answer in time, or none that makes sense."""

    http_status = 504


class JobTimeoutError(ClientError):
    """A job has not ended in the time it was given."""

    http_status = 504


class InternalError(RechromaError):
    """A fault of the program's own, such as nobody foresaw."""

    exit_code = 70

    @classmethod
    def of(cls, error: Exception, name: object = None) -> InternalError:
        """Word what was raised, which becomes the cause.

        Args:
            error: What was raised.
            name: Of the picture that was in hand, where it is known.
        """
        first_line = (str(error).splitlines() or [""])[0]
        message = f"unexpected {type(error).__name__}: {first_line}"
        unexpected = cls(
            message if name is None else f"{name}: {message}",
            hint="This is a fault in Rechroma: please report it.",
        )
        unexpected.__cause__ = error
        return unexpected


class TrainingError(RechromaError):
    """Training, measuring or exporting failed."""


class DataError(TrainingError):
    """A shard or data set cannot be used."""

    exit_code = 65


class FetchError(TrainingError):
    """A picture cannot be fetched, or may not be."""

    exit_code = 69


class RecipeError(TrainingError):
    """A recipe has unknown keys or impossible values."""

    exit_code = 78


class CheckpointError(TrainingError):
    """A checkpoint does not fit the network or the recipe."""

    exit_code = 65


class DivergedError(TrainingError):
    """The loss of a training run is not finite any more."""

    exit_code = 70


class MemoryExhaustedError(TrainingError):
    """The device has too little memory for a batch."""

    exit_code = 71


class ParityError(TrainingError):
    """An exported model disagrees with the network it was exported from."""

    exit_code = 70
