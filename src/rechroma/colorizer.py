"""The heart: a photograph in, the same photograph in color out.

The network sees a small copy and gives its chroma; the original's own lightness is joined with it
at full size, so that no detail of the photograph is touched. Every front end calls this.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, Unpack, cast, overload

import numpy as np
from PIL import Image

from rechroma.color import dominant_chroma, lab_to_srgb, lightness, map_to_gamut
from rechroma.color.lab import from_float, to_float
from rechroma.color.render import render
from rechroma.engines import OnnxEngine, View, check_takes_hints, checked_threads
from rechroma.error_context import named
from rechroma.errors import (
    InternalError,
    OptionError,
    RechromaError,
    TargetExistsError,
    UnsupportedImageError,
)
from rechroma.fs import check_target, write_atomically
from rechroma.hints import pixels_at
from rechroma.imaging import (
    MAX_PIXELS,
    QUALITY,
    ChromaUpsampler,
    default_target,
    encode_photo,
    parse_format,
    photo_of_array,
    read_photo,
    resolve_format,
    write_photo,
)
from rechroma.imaging.metadata.exif import PREFIX
from rechroma.models import find_model
from rechroma.numeric import check_range, check_whole
from rechroma.options import Adjustments, InferenceOptions, ViewOptions

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from rechroma.color.lab import Float, Pixels
    from rechroma.engines import Engine
    from rechroma.imaging import Photo, UIntImage
    from rechroma.models import ModelCard

_STRIP_PIXELS = 64_000  # fits the cache; from 65536 on OpenCV would start threads of its own
_STALE_INFO = {  # said of the gray pixels, maybe on their side, and not of the new ones
    *("icc_profile", "transparency", "exif", "Raw profile type exif"),
    *("xmp", "XML:com.adobe.xmp"),
}


class FileOptions(InferenceOptions, total=False):
    """The keyword arguments of :meth:`Colorizer.colorize_file`, but for `target`."""

    overwrite: bool
    format: str | None
    quality: int
    label: bool
    badge: bool
    max_pixels: int


@dataclass(frozen=True)
class Result:
    """What came of one picture.

    Attributes:
        source: The photograph.
        target: The colored picture that was written.
        width: Of both, in pixels.
        height: Of both, in pixels.
        seconds: Wall-clock time from opening the source to the finished target.
        had_color: Whether the source was in color or toned, and was turned to gray first.
        pages: How many pictures the source holds; the first of them was colored.
    """

    source: Path
    target: Path
    width: int
    height: int
    seconds: float
    had_color: bool
    pages: int = 1


@dataclass(frozen=True)
class LikelyColor:
    """A color that the model thinks likely at a place.

    Attributes:
        color: sRGB at the lightness of the place, as "#rrggbb".
        share: How likely it and what looks much like it are, 0 to 1.
    """

    color: str
    share: float


@dataclass(frozen=True)
class Failure:
    """A picture of many that could not be colored, and why."""

    source: Path
    target: Path
    error: RechromaError


class Colorizer:
    """Colors photographs with one model. One instance may be used from several threads.

    Args:
        model: "default", a model's name (see :func:`rechroma.models.list_models`), or the path of
            an .onnx file.
        provider: "cpu", "cuda", or "auto" for the best there is.
        threads: How many to use; without, one for each core that the process may use.
        engine: What runs the model; given one, the other arguments but `threads` have no effect.

    Raises:
        ModelError: The model is not there, damaged, or breaks the contract.
        ProviderError: The provider is not available here.
        OptionError: The provider is unknown, or `threads` below 1.

    Example:
        >>> colorizer = Colorizer()  # doctest: +SKIP
        >>> colorizer.colorize(Image.open("photo.jpg")).show()  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "default",
        *,
        provider: str = "auto",
        threads: int | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._threads = checked_threads(threads)
        self._engine = engine or OnnxEngine(find_model(model), provider, threads)

    @property
    def card(self) -> ModelCard:
        """What the model says about itself."""
        return self._engine.card

    @overload
    def colorize(
        self, image: str | os.PathLike[str], *, label: bool = ..., **knobs: Unpack[InferenceOptions]
    ) -> Path: ...
    @overload
    def colorize(
        self, image: bytes, *, label: bool = ..., **knobs: Unpack[InferenceOptions]
    ) -> bytes: ...
    @overload
    def colorize(
        self, image: Image.Image, *, label: bool = ..., **knobs: Unpack[InferenceOptions]
    ) -> Image.Image: ...
    @overload
    def colorize(
        self, image: NDArray[Any], *, label: bool = ..., **knobs: Unpack[InferenceOptions]
    ) -> NDArray[Any]: ...
    def colorize(
        self,
        image: str | os.PathLike[str] | bytes | Image.Image | NDArray[Any],
        *,
        label: bool = True,
        **knobs: Unpack[InferenceOptions],
    ) -> Path | bytes | Image.Image | NDArray[Any]:
        """Color one picture and give back what was given.

        Args:
            image: A path: the result is written beside it, as `photo.color.jpg`, and its path
                returned. Bytes of a picture file: bytes in the same format. A Pillow image: one
                in RGB or RGBA, upright, with its info, EXIF and XMP (8 bits a channel: Pillow has
                no more); the one given is not changed. An array (H, W), or (H, W, C) with 1 to 4
                channels, uint8, uint16 or float in 0..1: (H, W, 3) of the same dtype, sRGB, or
                (H, W, 4) where there was alpha.
            label: Whether files and bytes get the XMP note that a model made the colors.
            **knobs: See :class:`Adjustments`.

        Raises:
            InputError: The picture cannot be colored.
            FileError: A path that cannot be read, or a result that cannot be written.
            OptionError: A knob out of range.
            EngineError: The model failed; the picture is never returned uncolored.
            ModelFeatureError: There are hints, and the model takes none.
        """
        turned = Adjustments(**knobs)
        match image:
            case str() | os.PathLike():
                return self.colorize_file(image, label=label, **knobs).target
            case bytes():
                photo = read_photo(image)
                with named("the picture"):
                    return encode_photo(self._color(photo, turned), photo, provenance=label)
            case Image.Image():
                return self._color_pillow(image, turned)
            case np.ndarray():
                return self._color_array(image, turned)
            case _:
                raise UnsupportedImageError(
                    f"a picture cannot be given as {type(image).__name__}",
                    hint="Give a path, bytes, a Pillow image or a numpy array.",
                )

    def chroma(
        self,
        image: str | os.PathLike[str] | bytes | Image.Image | NDArray[Any],
        **view: Unpack[ViewOptions],
    ) -> Float:
        """The colors alone, for whoever puts them and the picture together.

        Args:
            image: As for :meth:`colorize`; nothing is written.
            **view: `size` and `hints`, as in :class:`Adjustments`.

        Returns:
            (h, w, 2) float32, CIE a* and b* before any knob is turned. It covers the whole upright
            picture, some sixteen times smaller on each side; bicubic enlargement fits it.

        Raises:
            InputError: The picture cannot be colored.
            OptionError: `size` is out of range.
            EngineError: The model failed.
            ModelFeatureError: There are hints, and the model takes none.
        """
        return self._chroma(_opened(image).gray, Adjustments(**view))

    def likely_colors(
        self,
        image: str | os.PathLike[str] | bytes | Image.Image | NDArray[Any],
        x: float,
        y: float,
        *,
        count: int = 6,
        **view: Unpack[ViewOptions],
    ) -> tuple[LikelyColor, ...]:
        """What colors the model thinks likely at a place, such as to choose a hint from.

        Args:
            image: As for :meth:`colorize`; nothing is written.
            x: From 0, the left edge of the upright picture, to 1, the right one.
            y: From 0, the upper edge, to 1, the lower one.
            count: How many colors at most, 1 to 32.
            **view: `size` and `hints`, as in :class:`Adjustments`.

        Returns:
            Colors that clearly differ, the likeliest first.

        Raises:
            InputError: The picture cannot be colored.
            OptionError: A place outside the picture, or an option out of range.
            EngineError: The model failed.
            ModelFeatureError: The model gives no distribution; or there are hints, and it takes
                none.
        """
        check_range("x", x, 0, 1)
        check_range("y", y, 0, 1)
        check_whole("count", count, 1, 32)
        gray = _opened(image).gray
        spread = self._distribution(gray, Adjustments(**view))
        bins = np.array(self.card.bins, np.float32)
        chroma, shares = dominant_chroma(_around(spread, x, y, 1)[0, 0], bins, count)
        reach = max(gray.shape) // 100
        level = lightness(_around(gray, x, y, 2 * reach + 1)).mean(dtype=np.float32)
        lab = np.insert(chroma, 0, level, axis=1)
        colors = lab_to_srgb(map_to_gamut(lab), np.uint8)
        return tuple(
            LikelyColor(f"#{bytes(color).hex()}", float(share))
            for color, share in zip(colors, shares, strict=True)
        )

    def colorize_file(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        format: str | None = None,  # noqa: A002 - Pillow's word for it
        quality: int = QUALITY,
        label: bool = True,
        badge: bool = False,
        max_pixels: int = MAX_PIXELS,
        **knobs: Unpack[InferenceOptions],
    ) -> Result:
        """Color a picture file; of one with several pages or frames the first.

        Args:
            source: The photograph; never changed.
            target: The file to write; without, `photo.color.jpg` beside `photo.jpg`. Its suffix
                has to be that of the format.
            overwrite: Whether a target that is already there may be replaced.
            format: The format to write, by its name or suffix in any case; without, what the
                target's suffix says.
            quality: Of JPEG and WebP, 1 to 100.
            label: Whether to add the XMP note that a model made the colors.
            badge: Whether to draw a small mark into the picture that says so, too.
            max_pixels: Refuse sources with more.
            **knobs: See :class:`Adjustments`.

        Raises:
            InputError: The picture cannot be colored.
            FileError: It cannot be read, or the result not be written.
            OptionError: An option out of range, or a target named as another format.
            EngineError: The model failed; nothing is written.
            ModelFeatureError: There are hints, and the model takes none.
        """
        began = perf_counter()
        turned = Adjustments(**knobs)
        check_whole("quality", quality, 1, 100)
        source = _named_file(source)
        target = default_target(source, format) if target is None else _named_file(target)
        wanted = resolve_format(target, format, source=source)
        _check_target(source, target, overwrite=overwrite)
        photo = read_photo(source, max_pixels=max_pixels)
        with named(source):
            write = partial(
                write_photo,
                rgb=self._color(photo, turned),
                photo=photo,
                format=wanted,
                quality=quality,
                provenance=label,
                badge=badge,
            )
            write_atomically(target, write, overwrite=overwrite)
        height, width = photo.gray.shape
        seconds = perf_counter() - began
        return Result(source, target, width, height, seconds, photo.had_color, photo.pages)

    def colorize_many(
        self,
        sources: Iterable[str | os.PathLike[str] | tuple[Path, Path]],
        *,
        jobs: int | None = None,
        **options: Unpack[FileOptions],
    ) -> Generator[Result | Failure]:
        """Color many picture files; one bad picture never stops the rest.

        Args:
            sources: Paths, or pairs of source and target; taken as they are needed.
            jobs: Pictures at a time; without, as many as there are threads.
            **options: The keyword arguments of :meth:`colorize_file`; hints, too, are for every
                picture.

        Returns:
            A generator of a result or a failure for each picture, as they are finished. Closing
            it stops after the pictures in hand. What nobody foresaw is a failure, too: its error
            is an `InternalError`, whose cause is what was raised.

        Raises:
            OptionError: An option out of range, or one path in place of many; no picture is
                touched.
            ModelFeatureError: There are hints, and the model takes none; likewise.
        """
        if isinstance(sources, str | bytes | os.PathLike):
            raise OptionError(f"{sources!r} is one path", hint="Give a list of paths.")
        jobs = self._threads if jobs is None else jobs
        check_whole("jobs", jobs, 1, None)
        _check_options(options)
        check_takes_hints(self.card, options.get("hints") or None)
        pairs = (_pair(source, options.get("format")) for source in sources)
        return self._many(pairs, jobs, options)

    def _many(
        self, pairs: Iterator[tuple[Path, Path]], jobs: int, options: FileOptions
    ) -> Generator[Result | Failure]:

        def attempt(source: Path, target: Path) -> Result | Failure:
            try:
                return self.colorize_file(source, target, **options)
            except RechromaError as error:
                return Failure(source, target, _without_locals(error))
            except Exception as error:
                unexpected = InternalError.from_exception(error, source)
                return Failure(source, target, _without_locals(unexpected))

        pool = ThreadPoolExecutor(jobs)
        running: set[Future[Result | Failure]] = set()
        try:
            while True:
                # No more than this is queued: the list of sources may be long, and lazy.
                fresh = islice(pairs, 2 * jobs - len(running))
                running |= {pool.submit(attempt, *pair) for pair in fresh}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)

    def _color_pillow(self, image: Image.Image, knobs: Adjustments) -> Image.Image:
        photo = read_photo(image)
        rgba: Pixels = _with_alpha(self._color(photo, knobs), photo.alpha)
        if rgba.dtype != np.uint8:
            rgba = from_float(to_float(rgba), np.uint8)
        result = Image.fromarray(rgba)
        result.info = {key: value for key, value in image.info.items() if key not in _STALE_INFO}
        if photo.metadata.exif:
            result.info["exif"] = PREFIX + photo.metadata.exif
        if photo.metadata.xmp:
            result.info["xmp"] = photo.metadata.xmp
        return result

    def _color_array(self, array: NDArray[Any], knobs: Adjustments) -> NDArray[Any]:
        photo = photo_of_array(array)
        rgba: Pixels = _with_alpha(self._color(photo, knobs), photo.alpha)
        if rgba.dtype == array.dtype:
            return rgba
        return from_float(to_float(rgba), array.dtype)

    def _color(self, photo: Photo, knobs: Adjustments) -> UIntImage:
        gray = photo.gray
        chroma = knobs.apply(self._chroma(gray, knobs))
        upsampler = ChromaUpsampler(chroma, gray.shape)
        rgb = np.empty((*gray.shape, 3), gray.dtype)

        def fill(rows: slice) -> None:
            rgb[rows] = render(gray[rows], upsampler.strip(rows))

        with ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(fill, _strips(*gray.shape)):
                pass
        return rgb

    def _chroma(self, gray: UIntImage, knobs: Adjustments) -> Float:
        """The network's chroma of the whole picture, (h, w, 2)."""
        view = View.of(gray, self.card, knobs.size, knobs.hints)
        return view.crop(self._engine.chroma(view.lightness, view.hints))

    def _distribution(self, gray: UIntImage, knobs: Adjustments) -> Float:
        """How likely each bin of the card is, for every place of the picture, (h, w, Q)."""
        view = View.of(gray, self.card, knobs.size, knobs.hints)
        return view.crop(self._engine.distribution(view.lightness, view.hints))


def _opened(image: str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]) -> Photo:
    if isinstance(image, np.ndarray):
        return photo_of_array(image)
    return read_photo(_named_file(image) if isinstance(image, str | os.PathLike) else image)


def _around(values: NDArray[Any], x: float, y: float, side: int) -> NDArray[Any]:
    """The part of an array (H, W, ...) around a place of the picture that it covers."""
    height, width = values.shape[:2]
    return values[pixels_at(y, height, side), pixels_at(x, width, side)]


def _pair(
    source: str | os.PathLike[str] | tuple[Path, Path],
    format: str | None,  # noqa: A002
) -> tuple[Path, Path]:
    if isinstance(source, tuple):
        return Path(source[0]), Path(source[1])
    return Path(source), default_target(Path(source), format)


def _named_file(path: str | os.PathLike[str]) -> Path:
    if not os.fspath(path):
        raise OptionError("'' is no file's name", hint="Give the path of a picture.")
    return Path(path)


def _without_locals(error: RechromaError) -> RechromaError:
    """Let go of the pictures that the error's traceback holds: failures may be kept for long."""
    chain: BaseException | None = error
    while chain is not None:
        clear_frames(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__
    return error


def _check_options(options: FileOptions) -> None:
    """Raise at once what would otherwise be raised for every picture."""
    names = {field.name for field in fields(Adjustments)}
    Adjustments(**{name: value for name, value in options.items() if name in names})  # type: ignore[arg-type]
    check_whole("quality", options.get("quality", QUALITY), 1, 100)
    if wanted := options.get("format"):
        parse_format(wanted)


def _check_target(source: Path, target: Path, *, overwrite: bool) -> None:
    """Refuse at once what would only fail after the work is done."""
    check_target(target, overwrite=overwrite)
    if _is_same_file(source, target):
        raise TargetExistsError(
            f"{target} is the photograph itself, which is never replaced",
            hint="Choose another target.",
        )


def _is_same_file(source: Path, target: Path) -> bool:
    try:
        return target.samefile(source)
    except OSError:  # one of them cannot be looked at; reading or writing will say why
        return False


def _strips(height: int, width: int) -> list[slice]:
    rows = max(_STRIP_PIXELS // width, 1)
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def _with_alpha(rgb: UIntImage, alpha: UIntImage | None) -> UIntImage:
    return rgb if alpha is None else cast("UIntImage", np.dstack([rgb, alpha]))
