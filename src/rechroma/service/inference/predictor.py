"""Inference on uploaded images, with the model that the request names.

:class:`Inference` is what requests and jobs need; :class:`Predictor` runs it in this process, and
:mod:`rechroma.service.inference.worker_pool` in others.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from rechroma.colorizer import (
    Colorizer,
    ColorSuggestion,
    EncodedImage,
    check_file_options,
)
from rechroma.engines import available_threads, check_hints_supported
from rechroma.errors import OptionError, did_you_mean
from rechroma.hints import hints_from_json
from rechroma.imaging import encode_preview, read_photo
from rechroma.models import find_model, get_card, model_names, read_card, shelf_models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rechroma.color.lab import Float
    from rechroma.hints import Hint
    from rechroma.imaging import Damage
    from rechroma.service.schemas import ColorizeRequest
    from rechroma.service.settings import Settings

_MAX_MODELS = 4  # in memory at a time, besides the default model


@dataclass(frozen=True)
class ChromaPreview:
    """Predicted chroma of an image, for a client that renders it itself.

    Attributes:
        width: Width of the upright image in pixels.
        height: Height of the same.
        was_color: Whether the image was in color or toned.
        damage: Damage of the file, if it is a truncated JPEG.
        unreadable_metadata: Kinds of its metadata that cannot be read, such as "EXIF".
        chroma: (h, w, 2) float32, CIE a* and b* of the whole image, without adjustments.
        gray: JPEG of the image in gray, if requested.
    """

    width: int
    height: int
    was_color: bool
    damage: Damage | None
    unreadable_metadata: tuple[str, ...]
    chroma: Float
    gray: bytes | None


class Inference(Protocol):
    """Inference on one image at a time.

    Every method raises:
        InputError: The image cannot be colorized.
        OptionError: An option or a hint is invalid, or the model does not exist.
        EngineError: The model failed.
        ProcessingTimeoutError: It took longer than the service allows.
        PoisonImageError: It repeatedly crashed its worker process.
    """

    def colorize(
        self, source: bytes | Path, request: ColorizeRequest, *, max_pixels: int, name: str = ""
    ) -> EncodedImage:
        """Colorize an image file.

        Args:
            source: Content or path of the file.
            request: Options and hints.
            max_pixels: Reject larger images before decoding them.
            name: Name of the image in error messages, if it has one.
        """
        ...

    def predict_chroma(
        self,
        source: bytes,
        request: ColorizeRequest,
        *,
        max_pixels: int,
        gray_side: int | None = None,
    ) -> ChromaPreview:
        """Predict the chroma of an image file, without rendering it.

        Args:
            source: Content of the file.
            request: Options and hints; adjustments are ignored.
            max_pixels: Reject larger images before decoding them.
            gray_side: Long side of the gray image to return; None for no gray image.
        """
        ...

    def suggest_colors(
        self,
        source: bytes,
        request: ColorizeRequest,
        *,
        max_pixels: int,
        x: float,
        y: float,
        count: int,
    ) -> tuple[ColorSuggestion, ...]:
        """Suggest probable colors at a position, as :meth:`rechroma.Colorizer.suggest_colors`."""
        ...


class ModelCatalog:
    """Cards of the models that requests can name: requests are checked without loading a model.

    Raises:
        ModelError: The default model is missing or damaged, or the folder of models is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.default = read_card(find_model(settings.model))
        model_names()  # a missing folder is an error at the start, not at the first request

    def check(self, request: ColorizeRequest) -> None:
        """Reject a request that would fail later.

        Raises:
            OptionError: The model does not exist, or options contradict each other.
            HintError: The hints are invalid.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        check_file_options(request.encode_options())
        name = resolve_model(request, self._settings)
        card = self.default if name is None else get_card(name)
        check_hints_supported(card, _parse_hints(request) or None)


def resolve_model(request: ColorizeRequest, settings: Settings) -> str | None:
    """Return the model's name, or None for the default model.

    Requests can only name installed models: a path is not a name.

    Raises:
        OptionError: The model does not exist.
    """
    name = request.options.model
    if name is None or name == settings.model:
        return None
    known = model_names()
    if name not in known:
        raise OptionError(f"there is no model {name!r:.60}", hint=did_you_mean(name, known))
    return name


class Predictor:
    """:class:`Inference` in this process. It is thread-safe.

    Raises:
        ModelError: The default model is missing, damaged, or violates the contract.
        ProviderError: The execution provider is not available.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._default = self._load(settings.model)
        self._loaded = _ColorizerCache(self._load)

    def colorize(
        self, source: bytes | Path, request: ColorizeRequest, *, max_pixels: int, name: str = ""
    ) -> EncodedImage:
        """Colorize an image file."""
        options = request.encode_options()
        options["max_pixels"], options["hints"] = max_pixels, _parse_hints(request)
        return self._colorizer(request).colorize_bytes(source, name=name, **options)

    def predict_chroma(
        self,
        source: bytes,
        request: ColorizeRequest,
        *,
        max_pixels: int,
        gray_side: int | None = None,
    ) -> ChromaPreview:
        """Predict the chroma of an image file, without rendering it."""
        photo = read_photo(source, max_pixels=max_pixels, name="")
        size, hints = request.options.size, _parse_hints(request)
        chroma = self._colorizer(request).predict(photo, size=size, hints=hints)
        height, width = photo.gray.shape
        gray = encode_preview(photo.gray, gray_side) if gray_side else None
        return ChromaPreview(
            width=width,
            height=height,
            was_color=photo.was_color,
            damage=photo.damage,
            unreadable_metadata=photo.metadata.unreadable,
            chroma=chroma,
            gray=gray,
        )

    def suggest_colors(
        self,
        source: bytes,
        request: ColorizeRequest,
        *,
        max_pixels: int,
        x: float,
        y: float,
        count: int,
    ) -> tuple[ColorSuggestion, ...]:
        """Suggest probable colors at a position."""
        photo = read_photo(source, max_pixels=max_pixels, name="")
        size, hints = request.options.size, _parse_hints(request)
        colorizer = self._colorizer(request)
        return colorizer.suggest_colors(photo, x, y, count=count, size=size, hints=hints)

    def _colorizer(self, request: ColorizeRequest) -> Colorizer:
        name = resolve_model(request, self._settings)
        return self._default if name is None else self._loaded.get(name)

    def _load(self, name: str) -> Colorizer:
        threads = max(1, available_threads() // self._settings.workers)
        return Colorizer(name, provider=self._settings.provider, threads=threads)


class _ColorizerCache:
    """The last used models by name; one whose file was replaced is loaded again.

    It is thread-safe; loading does not block the other models.
    """

    def __init__(self, load: Callable[[str], Colorizer]) -> None:
        self._load = load
        self._entries: dict[str, tuple[object, Colorizer]] = {}  # the last used one is at the end
        self._lock = Lock()

    def get(self, name: str) -> Colorizer:
        """Return a model, loading it if it is not in memory or its file has changed."""
        version = _file_version(name)  # before loading: a replacement in between is noticed later
        with self._lock:
            entry = self._entries.pop(name, None)
            if entry is not None and entry[0] == version:
                self._entries[name] = entry
                return entry[1]
        del entry  # frees the memory of the replaced model before the new one is loaded
        loaded = self._load(name)
        with self._lock:
            self._entries[name] = (version, loaded)
            while len(self._entries) > _MAX_MODELS:
                del self._entries[next(iter(self._entries))]
        return loaded


def _file_version(name: str) -> tuple[Path, int, int, int] | None:
    """Identify the content of a model on the shelf; None for a bundled one, which never changes."""
    path = shelf_models().get(name)
    if path is None:
        return None
    try:
        stat = path.stat()
    except OSError:  # just removed: loading it fails with a better message
        return None
    return path, stat.st_size, stat.st_mtime_ns, stat.st_ino


def _parse_hints(request: ColorizeRequest) -> Sequence[Hint]:
    return hints_from_json(request.hints) if request.hints else ()
