"""Colours pictures for requests and jobs: so many at a time, with the model that is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, BinaryIO

from rechroma.colorizer import Colorizer, KnobOptions
from rechroma.engines import available_threads, check_takes_hints
from rechroma.errors import BusyError, OptionError, did_you_mean
from rechroma.imaging import (
    encode_photo,
    hints_from_json,
    named,
    read_photo,
    result_format,
    write_photo,
)
from rechroma.models import model_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rechroma.imaging import Levels, Photo
    from rechroma.models import ModelCard
    from rechroma.service.schemas import Order
    from rechroma.service.settings import Settings

_MOST_MODELS = 4  # in memory at a time, beside the usual one


@dataclass(frozen=True, eq=False)
class Painting:
    """A picture in colour that is not a file yet.

    Attributes:
        photo: What was coloured.
        rgb: Its colours.
        format: Pillow's name of the format to write.
        order: What was asked for.
    """

    photo: Photo
    rgb: Levels
    format: str
    order: Order

    def write(self, file: BinaryIO) -> None:
        """Write the picture; see :func:`rechroma.imaging.write_photo`."""
        write_photo(file, self.rgb, self.photo, **self._how())

    def encoded(self) -> bytes:
        """The content of the picture's file."""
        return encode_photo(self.rgb, self.photo, **self._how())

    def _how(self) -> dict[str, Any]:
        options = self.order.options
        return {"format": self.format, "quality": options.quality, "label": options.label}


class Painter:
    """Colours pictures, no more at a time than there are workers.

    Raises:
        ModelError: The usual model is not there, damaged, or breaks the contract.
        ProviderError: The provider is not available here.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hands = BoundedSemaphore(settings.workers)
        self._usual = self._load(settings.model)
        self._other = lru_cache(_MOST_MODELS)(self._load)

    @property
    def card(self) -> ModelCard:
        """The card of the usual model."""
        return self._usual.card

    def check(self, order: Order) -> None:
        """Refuse what could only fail later.

        Raises:
            OptionError: There is no such model.
            HintError: The hints make no sense.
            ModelFeatureError: There are hints, and the model takes none.
        """
        hints = _knobs(order).get("hints")
        check_takes_hints(self._colorizer(order.options.model).card, hints or None)

    def paint(
        self, source: bytes | Path, order: Order, *, max_pixels: int, name: str = "the picture"
    ) -> Painting:
        """Colour a picture.

        Raises:
            InputError: It cannot be coloured.
            OptionError: What is asked for makes no sense.
            EngineError: The model failed.
        """
        photo = read_photo(source, max_pixels=max_pixels, name=name)
        with named(name):
            rgb = self._colorizer(order.options.model).colorize(photo.grey, **_knobs(order))
        wanted = order.options.format
        return Painting(photo, rgb, result_format(wanted or photo.format), order)

    @contextmanager
    def turn(self, wait: float | None) -> Iterator[None]:
        """Hold one of the places for pictures in work.

        Args:
            wait: How many seconds to wait for one; None for as long as it takes.

        Raises:
            BusyError: There was none in that time.
        """
        if not self._hands.acquire(timeout=wait):
            raise BusyError("all hands are busy with other pictures", hint="Try again in a moment.")
        try:
            yield
        finally:
            self._hands.release()

    def _colorizer(self, name: str | None) -> Colorizer:
        if name is None or name == self._settings.model:
            return self._usual
        known = model_names()
        if name not in known:  # a path is no name: requests choose among what the owner put there
            raise OptionError(f"there is no model {name!r:.60}", hint=did_you_mean(name, known))
        return self._other(name)

    def _load(self, name: str) -> Colorizer:
        threads = max(1, available_threads() // self._settings.workers)
        return Colorizer(name, provider=self._settings.provider, threads=threads)


def _knobs(order: Order) -> KnobOptions:
    options = order.options
    return {
        "saturation": options.saturation,
        "warmth": options.warmth,
        "strength": options.strength,
        "size": options.size,
        "hints": hints_from_json(order.hints) if order.hints else (),
    }
