"""Colors pictures for requests and jobs, with the model that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Protocol

from rechroma.colorizer import Colorizer, ColorSuggestion
from rechroma.engines import available_threads, check_hints_supported
from rechroma.errors import OptionError, did_you_mean
from rechroma.hints import hints_from_json
from rechroma.imaging import encode_preview, read_photo
from rechroma.models import find_model, get_card, model_names, read_card
from rechroma.service.schemas import ResultInfo

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.color.lab import Float
    from rechroma.colorizer import EncodeKwargs, PredictKwargs
    from rechroma.service.schemas import ColorizeRequest
    from rechroma.service.settings import Settings

_MAX_MODELS = 4  # in memory at a time, beside the usual one


@dataclass(frozen=True)
class Painting:
    """The file of a picture in color.

    Attributes:
        made: What it is, and what it was made from.
        content: Its bytes.
    """

    made: ResultInfo
    content: bytes

    def write(self, file: BinaryIO) -> None:
        """Write the content."""
        file.write(self.content)


@dataclass(frozen=True)
class Sketch:
    """The colors of a picture, for whoever puts both together.

    Attributes:
        width: Of the upright picture, in pixels.
        height: Of the same.
        had_color: Whether it was in color or toned.
        chroma: (h, w, 2) float32, CIE a* and b* of the whole picture, before any knob is turned.
        gray: A JPEG of the picture in gray, if it was asked for.
    """

    width: int
    height: int
    had_color: bool
    chroma: Float
    gray: bytes | None


class Paints(Protocol):
    """Colors one picture at a time.

    What all three raise:
        InputError: It cannot be colored.
        OptionError: What is asked for makes no sense.
        EngineError: The model failed.
        ProcessingTimeoutError: It took longer than the service allows.
        PoisonImageError: The processes that colored it ended.
    """

    def paint(
        self,
        source: bytes | Path,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        name: str = "the picture",
    ) -> Painting:
        """Color a picture.

        Args:
            source: The file's content, or where it lies.
            order: What is asked for.
            max_pixels: The most there may be; looked at before anything is decoded.
            name: What the picture is called in messages.
        """
        ...

    def sketch(
        self,
        source: bytes,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        gray_side: int | None = None,
    ) -> Sketch:
        """Give the colors of a picture alone.

        Args:
            source: As for :meth:`paint`, as for the other two.
            order: What is asked for; knobs that colors are turned by do not count.
            max_pixels: As for :meth:`paint`.
            gray_side: The long side of the gray picture to send along; None for none.
        """
        ...

    def palette(
        self,
        source: bytes,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        x: float,
        y: float,
        count: int,
    ) -> tuple[ColorSuggestion, ...]:
        """Find what colors are likely at a place: see :meth:`rechroma.Colorizer.suggest_colors`."""
        ...


class Models:
    """What requests may choose from: the models' cards, which is all that a request is checked by.

    Raises:
        ModelError: The usual model is not there or damaged.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.usual = read_card(find_model(settings.model))
        self._card = lru_cache(_MAX_MODELS)(get_card)

    def check(self, order: ColorizeRequest) -> None:
        """Refuse what could only fail later.

        Raises:
            OptionError: There is no such model.
            HintError: The hints make no sense.
            ModelFeatureError: There are hints, and the model takes none.
        """
        name = checked_name(order, self._settings)
        card = self.usual if name is None else self._card(name)
        check_hints_supported(card, _predict_options(order).get("hints") or None)


def checked_name(order: ColorizeRequest, settings: Settings) -> str | None:
    """The name of the model that is asked for; None for the usual one.

    A path is no name: requests choose among what the owner put there.

    Raises:
        OptionError: There is no such model.
    """
    name = order.options.model
    if name is None or name == settings.model:
        return None
    known = model_names()
    if name not in known:
        raise OptionError(f"there is no model {name!r:.60}", hint=did_you_mean(name, known))
    return name


class Painter:
    """Keeps :class:`Paints` in this process. It may be used from several threads at once.

    Raises:
        ModelError: The usual model is not there, damaged, or breaks the contract.
        ProviderError: The provider is not available here.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._usual = self._load(settings.model)
        self._other = lru_cache(_MAX_MODELS)(self._load)

    def paint(
        self,
        source: bytes | Path,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        name: str = "the picture",
    ) -> Painting:
        """See :meth:`Paints.paint`."""
        result = self._colorizer(order).colorize_bytes(
            source, name=name, **_encode_options(order, max_pixels)
        )
        made = ResultInfo(format=result.format, had_color=result.had_color, pages=result.pages)
        return Painting(made, result.content)

    def sketch(
        self,
        source: bytes,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        gray_side: int | None = None,
    ) -> Sketch:
        """See :meth:`Paints.sketch`."""
        photo = read_photo(source, max_pixels=max_pixels, name="the picture")
        chroma = self._colorizer(order).predict(photo, **_predict_options(order))
        height, width = photo.gray.shape
        gray = encode_preview(photo.gray, gray_side) if gray_side else None
        return Sketch(width, height, photo.had_color, chroma, gray)

    def palette(
        self,
        source: bytes,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        x: float,
        y: float,
        count: int,
    ) -> tuple[ColorSuggestion, ...]:
        """See :meth:`Paints.palette`."""
        photo = read_photo(source, max_pixels=max_pixels, name="the picture")
        colorizer = self._colorizer(order)
        return colorizer.suggest_colors(photo, x, y, count=count, **_predict_options(order))

    def _colorizer(self, order: ColorizeRequest) -> Colorizer:
        name = checked_name(order, self._settings)
        return self._usual if name is None else self._other(name)

    def _load(self, name: str) -> Colorizer:
        threads = max(1, available_threads() // self._settings.workers)
        return Colorizer(name, provider=self._settings.provider, threads=threads)


def _encode_options(order: ColorizeRequest, max_pixels: int) -> EncodeKwargs:
    options = order.options
    return {
        "saturation": options.saturation,
        "warmth": options.warmth,
        "blend": options.blend,
        "format": options.format,
        "quality": options.quality,
        "provenance": options.provenance,
        "badge": options.badge,
        "max_pixels": max_pixels,
        **_predict_options(order),
    }


def _predict_options(order: ColorizeRequest) -> PredictKwargs:
    hints = hints_from_json(order.hints) if order.hints else ()
    return {"size": order.options.size, "hints": hints}
