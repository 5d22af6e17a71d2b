"""Rechroma gives black-and-white photographs plausible color.

>>> import rechroma
>>> rechroma.colorize("photo.jpg")  # doctest: +SKIP
PosixPath('photo.color.jpg')

`Colorizer` does the same with a model, a provider and many files of your choice. What stands in
`__all__` is the public interface; importing it is cheap, for the heavy parts are only loaded when
they are first used.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rechroma._version import __version__
from rechroma.errors import (
    ApiError,
    AuthenticationError,
    BrokenImageError,
    CheckpointError,
    ClientError,
    ConnectionFailedError,
    DataError,
    DivergedError,
    EmptyImageError,
    EngineError,
    FetchError,
    FileError,
    ForbiddenOriginError,
    HintError,
    IdempotencyConflictError,
    ImageTooLargeError,
    ImageTooSmallError,
    InputError,
    InternalError,
    InvalidChromaError,
    JobExpiredError,
    JobNotFoundError,
    JobNotReadyError,
    JobTimeoutError,
    MemoryExhaustedError,
    MissingExtraError,
    ModelContractError,
    ModelError,
    ModelFeatureError,
    ModelIntegrityError,
    ModelNotFoundError,
    NotAcceptableError,
    NotAnImageError,
    OptionError,
    OverloadedError,
    ParityError,
    PoisonImageError,
    ProcessingTimeoutError,
    ProviderError,
    RechromaError,
    RecipeError,
    RequestError,
    ServiceError,
    SourceError,
    StoreError,
    TargetError,
    TargetExistsError,
    TrainingError,
    UnsupportedImageError,
    UploadTooLargeError,
)

if TYPE_CHECKING:
    from rechroma.colorizer import Colorizer, Failure, Result
    from rechroma.hints import Hint
    from rechroma.models import list_models

    colorize = Colorizer().colorize  # so that its overloads need not be written twice
else:

    def colorize(image: Any, **options: Any) -> Any:  # noqa: ANN401
        """Color one picture with the default model: see :meth:`Colorizer.colorize`."""
        return _default_colorizer().colorize(image, **options)


__all__ = [
    "ApiError",
    "AuthenticationError",
    "BrokenImageError",
    "CheckpointError",
    "ClientError",
    "Colorizer",
    "ConnectionFailedError",
    "DataError",
    "DivergedError",
    "EmptyImageError",
    "EngineError",
    "Failure",
    "FetchError",
    "FileError",
    "ForbiddenOriginError",
    "Hint",
    "HintError",
    "IdempotencyConflictError",
    "ImageTooLargeError",
    "ImageTooSmallError",
    "InputError",
    "InternalError",
    "InvalidChromaError",
    "JobExpiredError",
    "JobNotFoundError",
    "JobNotReadyError",
    "JobTimeoutError",
    "MemoryExhaustedError",
    "MissingExtraError",
    "ModelContractError",
    "ModelError",
    "ModelFeatureError",
    "ModelIntegrityError",
    "ModelNotFoundError",
    "NotAcceptableError",
    "NotAnImageError",
    "OptionError",
    "OverloadedError",
    "ParityError",
    "PoisonImageError",
    "ProcessingTimeoutError",
    "ProviderError",
    "RechromaError",
    "RecipeError",
    "RequestError",
    "Result",
    "ServiceError",
    "SourceError",
    "StoreError",
    "TargetError",
    "TargetExistsError",
    "TrainingError",
    "UnsupportedImageError",
    "UploadTooLargeError",
    "__version__",
    "colorize",
    "list_models",
]

_HOMES = {
    "Colorizer": "rechroma.colorizer",
    "Failure": "rechroma.colorizer",
    "Hint": "rechroma.imaging",
    "Result": "rechroma.colorizer",
    "list_models": "rechroma.models",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


@cache
def _default_colorizer() -> Colorizer:
    from rechroma.colorizer import Colorizer

    return Colorizer()
