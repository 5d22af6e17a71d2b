"""Colorization of black-and-white photographs.

>>> import rechroma
>>> from PIL import Image
>>> rechroma.colorize(Image.open("photo.jpg")).show()  # doctest: +SKIP
>>> rechroma.colorize_file("photo.jpg").target  # doctest: +SKIP
PosixPath('photo.color.jpg')

:class:`Colorizer` does the same with a chosen model, provider and number of threads. `__all__` is
the public interface, with :mod:`rechroma.errors` for the whole exception tree. Importing the
package is cheap: heavy modules are imported on first use.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rechroma import errors
from rechroma._version import __version__
from rechroma.errors import FileError, InputError, ModelError, OptionError, RechromaError
from rechroma.lazy import lazy_names

if TYPE_CHECKING:
    from rechroma.batch import Failure, colorize_many
    from rechroma.colorizer import Colorizer, Result
    from rechroma.hints import Hint
    from rechroma.models import list_models
    from rechroma.restore import Restored, restore_file

    # Bound methods, so that signatures and overloads are written once.
    colorize = Colorizer().colorize
    colorize_file = Colorizer().colorize_file
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "batch": "Failure colorize_many",
            "colorizer": "Colorizer Result",
            "hints": "Hint",
            "models": "list_models",
            "restore": "Restored restore_file",
        },
    )

    def colorize(image: Any, **options: Any) -> Any:  # noqa: ANN401
        """Colorize one image with the default model, like :meth:`Colorizer.colorize`."""
        return _default_colorizer().colorize(image, **options)

    def colorize_file(source: Any, target: Any = None, **options: Any) -> Any:  # noqa: ANN401
        """Colorize one image file with the default model, like :meth:`Colorizer.colorize_file`."""
        return _default_colorizer().colorize_file(source, target, **options)


__all__ = [
    "Colorizer",
    "Failure",
    "FileError",
    "Hint",
    "InputError",
    "ModelError",
    "OptionError",
    "RechromaError",
    "Restored",
    "Result",
    "__version__",
    "colorize",
    "colorize_file",
    "colorize_many",
    "errors",
    "list_models",
    "restore_file",
]


def __dir__() -> list[str]:
    return sorted(__all__)


@cache
def _default_colorizer() -> Colorizer:
    from rechroma.colorizer import Colorizer

    return Colorizer()
