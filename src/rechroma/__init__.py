"""Rechroma gives black-and-white photographs plausible colour.

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
    AccessError,
    BrokenImageError,
    BusyError,
    CheckpointError,
    ClientError,
    DataError,
    DivergedError,
    EmptyImageError,
    EngineError,
    FetchError,
    FileError,
    HintError,
    ImageTooLargeError,
    ImageTooSmallError,
    InputError,
    InvalidChromaError,
    JobExpiredError,
    JobNotReadyError,
    MemoryExhaustedError,
    MissingExtraError,
    ModelContractError,
    ModelError,
    ModelFeatureError,
    ModelIntegrityError,
    ModelNotFoundError,
    NoSuchJobError,
    NotAcceptableError,
    NotAnImageError,
    OptionError,
    OriginError,
    ParityError,
    PoisonError,
    ProviderError,
    RechromaError,
    RecipeError,
    RefusalError,
    RepeatedKeyError,
    RequestError,
    ServiceError,
    SourceError,
    StoreError,
    TargetError,
    TargetExistsError,
    TooSlowError,
    UnexpectedError,
    UnfinishedError,
    UnreachableError,
    UnsupportedImageError,
    UploadTooLargeError,
    WorkshopError,
)

if TYPE_CHECKING:
    from rechroma.colorizer import Colorizer, Failure, Result
    from rechroma.imaging import Hint
    from rechroma.models import list_models

    colorize = Colorizer().colorize  # so that its overloads need not be written twice
else:

    def colorize(image: Any, **options: Any) -> Any:  # noqa: ANN401
        """Colour one picture with the default model: see :meth:`Colorizer.colorize`."""
        return _default_colorizer().colorize(image, **options)


__all__ = [
    "AccessError",
    "BrokenImageError",
    "BusyError",
    "CheckpointError",
    "ClientError",
    "Colorizer",
    "DataError",
    "DivergedError",
    "EmptyImageError",
    "EngineError",
    "Failure",
    "FetchError",
    "FileError",
    "Hint",
    "HintError",
    "ImageTooLargeError",
    "ImageTooSmallError",
    "InputError",
    "InvalidChromaError",
    "JobExpiredError",
    "JobNotReadyError",
    "MemoryExhaustedError",
    "MissingExtraError",
    "ModelContractError",
    "ModelError",
    "ModelFeatureError",
    "ModelIntegrityError",
    "ModelNotFoundError",
    "NoSuchJobError",
    "NotAcceptableError",
    "NotAnImageError",
    "OptionError",
    "OriginError",
    "ParityError",
    "PoisonError",
    "ProviderError",
    "RechromaError",
    "RecipeError",
    "RefusalError",
    "RepeatedKeyError",
    "RequestError",
    "Result",
    "ServiceError",
    "SourceError",
    "StoreError",
    "TargetError",
    "TargetExistsError",
    "TooSlowError",
    "UnexpectedError",
    "UnfinishedError",
    "UnreachableError",
    "UnsupportedImageError",
    "UploadTooLargeError",
    "WorkshopError",
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
