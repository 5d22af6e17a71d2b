"""Colorization of single images: predict chroma, then render it at full size.

The network predicts the chroma of a small copy; rendering joins it with the original's own
lightness, so that no detail is lost. Every front end calls this class.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack, cast, overload

import numpy as np
from PIL import Image

from rechroma.color import dominant_chroma, lab_to_srgb, lightness, map_to_gamut
from rechroma.color.lab import from_float, to_float
from rechroma.color.luma import chroma_at_luma
from rechroma.color.render import adjust_chroma, render_srgb
from rechroma.engines import ModelInput, OnnxEngine, resolve_threads
from rechroma.engines.hint_reach import limit_reach
from rechroma.errors import (
    COPY_AGAIN,
    BrokenImageError,
    InvalidChromaError,
    OptionError,
    SourceError,
    UnsupportedImageError,
    error_context,
)
from rechroma.fs import check_is_other_file, check_target, to_path, write_atomically
from rechroma.hints import check_hints, pixels_at
from rechroma.imaging import (
    ChromaUpsampler,
    Damage,
    Photo,
    can_write_subsampled,
    default_target,
    output_format,
    parse_format,
    photo_of_array,
    read_content,
    read_gray_jpeg,
    read_luma,
    read_photo,
    resolve_format,
    turn_stored,
    write_around_luma,
    write_photo,
    write_subsampled,
)
from rechroma.imaging.metadata.exif import PREFIX
from rechroma.models import find_model
from rechroma.options import (
    MAX_PIXELS,
    AdjustmentKwargs,
    Adjustments,
    InferenceKwargs,
    InferenceOptions,
    InputKwargs,
    InputOptions,
    OutputKwargs,
    OutputOptions,
    check_int,
    check_keywords,
    check_range,
    parse_options,
)
from rechroma.parallel import STRIP_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float, Pixels
    from rechroma.engines import Engine
    from rechroma.hints import Hint
    from rechroma.imaging import Luma, UIntImage
    from rechroma.models import ModelCard

_UNADJUSTED = Adjustments()
_STALE_INFO = {  # describes the gray pixels, possibly before rotation, and not the new ones
    *("icc_profile", "transparency", "exif", "Raw profile type exif"),
    *("xmp", "XML:com.adobe.xmp"),
}


class PredictKwargs(InferenceKwargs, total=False):
    """Keyword arguments of :meth:`Colorizer.predict`."""

    hints: Sequence[Hint] | Float


class ColorizeKwargs(AdjustmentKwargs, PredictKwargs, total=False):
    """Keyword arguments of :meth:`Colorizer.colorize`."""


class EncodeKwargs(ColorizeKwargs, InputKwargs, OutputKwargs, total=False):
    """Keyword arguments of :meth:`Colorizer.colorize_bytes`."""

    format: str | None
    max_pixels: int


class FileKwargs(EncodeKwargs, total=False):
    """Keyword arguments of :meth:`Colorizer.colorize_file`."""

    overwrite: bool
    keep_time: bool


@dataclass(frozen=True)
class Result:
    """A colorized file.

    Attributes:
        source: The photograph.
        target: The file that was written.
        width: Width of both in pixels.
        height: Height of both in pixels.
        seconds: Wall-clock time from opening the source to the finished target.
        was_color: Whether the source was in color or toned, and was converted to gray first.
        pages: Number of pages or frames of the source, colorized or not.
        damage: Damage of the source, if it is a truncated JPEG.
        unreadable_metadata: The kinds of the source's metadata that could not be read, and that the
            target lacks, such as "EXIF"; see :class:`rechroma.imaging.photo.Metadata`.
    """

    source: Path
    target: Path
    width: int
    height: int
    seconds: float
    was_color: bool
    pages: int = 1
    damage: Damage | None = None
    unreadable_metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class EncodedImage:
    """A colorized image as the content of a file.

    Attributes:
        content: The encoded image.
        format: Pillow's name of its format.
        was_color: Whether the source was in color or toned, and was converted to gray first.
        pages: Number of pages or frames of the source, colorized or not.
        damage: Damage of the source, if it is a truncated JPEG.
        unreadable_metadata: The kinds of the source's metadata that could not be read, and that
            the content lacks, such as "EXIF".
    """

    content: bytes = field(repr=False)
    format: str
    was_color: bool
    pages: int
    damage: Damage | None = None
    unreadable_metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColorSuggestion:
    """A probable color at a position.

    Attributes:
        color: sRGB at the lightness of the position, as "#rrggbb".
        probability: Probability of this color and those that look like it, 0 to 1.
    """

    color: str
    probability: float


class Colorizer:
    """Colorizes photographs with one model; safe to use from several threads.

    It can be pickled, such as for the processes of a pool: a copy loads the model again.

    Args:
        model: "default", a model's name (see :func:`rechroma.models.list_models`), or the path of
            an .onnx file.
        provider: Execution provider: "cpu", "cuda", or "auto" for CUDA if available.
        threads: Number of threads; None for one per available core, at most 8.
        engine: Inference engine to use instead of loading `model` with `provider`.

    Raises:
        ModelError: The model is missing or damaged, or violates the contract.
        ProviderError: The provider is not available.
        OptionError: An argument is of the wrong type or out of range.

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
        self.threads = resolve_threads(threads)
        self._engine = engine or OnnxEngine(find_model(model), provider, threads)
        self._plain: tuple[object, Float] | None = None  # key of an input, and its chroma

    def __repr__(self) -> str:
        return f"Colorizer({self.card.name!r}, threads={self.threads})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_plain": None}

    @property
    def card(self) -> ModelCard:
        """The model card."""
        return self._engine.card

    def predict(
        self, image: bytes | Image.Image | NDArray[Any] | Photo, **options: Unpack[PredictKwargs]
    ) -> Float:
        """Predict the chroma of an image.

        Args:
            image: As for :meth:`colorize`.
            **options: `size`, see :class:`~rechroma.options.InferenceOptions`, and `hints`: a
                sequence of :class:`~rechroma.Hint`, later ones over earlier ones, each kept to
                the surface it is on, or a hint map (3, h, w) as drawn by
                :func:`rechroma.hints.hint_map` for the network input, which goes to it as it is.
                With hints the network runs once more without, to tell what they changed, unless the
                last image with hints was the same.

        Returns:
            (h, w, 2) float32, CIE a* and b*. It covers the whole upright image, some sixteen
            times smaller on each side; upsample it bicubically.

        Raises:
            InputError: The image cannot be colorized.
            OptionError: An argument is of the wrong type or out of range.
            EngineError: Inference failed.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        _check_options(options, InferenceOptions)
        model_input = self._model_input(_photo_from(image), options)
        light, hints = model_input.lightness, options.get("hints", ())
        chroma = model_input.unpad(self._engine.chroma(light, model_input.hints))
        if model_input.hints is None or isinstance(hints, np.ndarray):
            return chroma
        plain = model_input.unpad(self._without_hints(light))
        return limit_reach(model_input.unpad(light)[..., 0], hints, chroma, plain)

    def render(
        self,
        image: bytes | Image.Image | NDArray[Any] | Photo,
        chroma: Float,
        adjustments: Adjustments = _UNADJUSTED,
    ) -> UIntImage:
        """Join the lightness of an image with chroma; no model takes part.

        Args:
            image: As for :meth:`colorize`.
            chroma: (h, w, 2) floats, CIE a* and b* of the whole upright image at any resolution,
                such as :meth:`predict` returns; upsampled bicubically.
            adjustments: How to adjust the chroma first.

        Returns:
            (H, W, 3) sRGB of the upright image, mapped into the gamut at constant lightness and
            hue; uint8, or uint16 for images of more than 8 bits.

        Raises:
            InputError: The image cannot be colorized.
            OptionError: An argument is of the wrong type or shape.
            InvalidChromaError: The chroma is not finite.
        """
        if not isinstance(adjustments, Adjustments):
            raise OptionError(f"adjustments must be Adjustments, not {type(adjustments).__name__}")
        is_array = isinstance(chroma, np.ndarray) and chroma.dtype.kind == "f"
        if not is_array or chroma.ndim != 3 or chroma.shape[2] != 2 or not chroma.size:
            found = f"{chroma.shape} of {chroma.dtype}" if hasattr(chroma, "dtype") else chroma
            raise OptionError(f"chroma must be a float array (h, w, 2), not {found!s:.60}")
        _check_finite(chroma)
        gray = _photo_from(image).gray
        upsampler = ChromaUpsampler(adjust_chroma(chroma, adjustments), gray.shape)
        rgb = np.empty((*gray.shape, 3), gray.dtype)

        def fill(rows: slice) -> None:
            rgb[rows] = render_srgb(gray[rows], upsampler.strip(rows))

        self._in_strips(gray.shape, fill)
        return rgb

    @overload
    def colorize(self, image: bytes, **options: Unpack[ColorizeKwargs]) -> bytes: ...
    @overload
    def colorize(self, image: Image.Image, **options: Unpack[ColorizeKwargs]) -> Image.Image: ...
    @overload
    def colorize(self, image: NDArray[Any], **options: Unpack[ColorizeKwargs]) -> NDArray[Any]: ...
    def colorize(
        self, image: bytes | Image.Image | NDArray[Any], **options: Unpack[ColorizeKwargs]
    ) -> bytes | Image.Image | NDArray[Any]:
        """Colorize an image and return one of the same kind; no file is read or written.

        Args:
            image: Content of an image file: the result is in the same format. A Pillow image: the
                result is RGB or RGBA, upright, with its info, EXIF and XMP (8 bits per channel,
                Pillow has no more). An array (H, W), or (H, W, C) with 1 to 4 channels, uint8,
                uint16 or float in 0..1: the result is (H, W, 3) sRGB of the same dtype, or
                (H, W, 4) if there is alpha. The image itself is not changed.
            **options: The fields of :class:`~rechroma.options.Adjustments`, and those of
                :meth:`predict`.

        Raises:
            InputError: The image cannot be colorized.
            OptionError: An argument is of the wrong type or out of range, or `image` is a path
                (use :meth:`colorize_file`).
            EngineError: Inference failed; the image is never returned uncolored.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        _check_options(options, Adjustments, InferenceOptions)
        if isinstance(image, bytes):
            return self.colorize_bytes(image, **options).content
        photo = _photo_from(image)
        rgba = self.render(photo, self._chroma(photo, options))
        if photo.alpha is not None:
            rgba = cast("UIntImage", np.dstack([rgba, photo.alpha]))
        if isinstance(image, np.ndarray):
            return _with_dtype(rgba, image.dtype)
        result = Image.fromarray(_with_dtype(rgba, np.dtype(np.uint8)))
        result.info = {key: value for key, value in image.info.items() if key not in _STALE_INFO}
        if photo.metadata.exif:
            result.info["exif"] = PREFIX + photo.metadata.exif
        if photo.metadata.xmp:
            result.info["xmp"] = photo.metadata.xmp
        return result

    def colorize_bytes(
        self, source: bytes | Path, *, name: str = "the image", **options: Unpack[EncodeKwargs]
    ) -> EncodedImage:
        """Colorize an image file in memory; of several pages or frames, by default the first.

        Args:
            source: Content of the file, or its path; nothing is written.
            name: Name of the image in error messages.
            **options: The fields of :class:`~rechroma.options.InputOptions` and
                :class:`~rechroma.options.OutputOptions`, those of :meth:`colorize`, and
                `max_pixels`: reject larger images before decoding them.

        Raises:
            InputError: The image cannot be colorized.
            SourceError: The file cannot be read.
            OptionError: An argument is of the wrong type or out of range.
            EngineError: Inference failed.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        check_file_options(options)
        if not isinstance(source, bytes | Path):
            raise OptionError(f"source must be bytes or a Path, not {type(source).__name__}")
        wanted = options.get("format")
        photo, write = self._colored(source, options, wanted and parse_format(wanted), name)
        written = parse_format(wanted) if wanted else output_format(photo.format)
        file = BytesIO()
        with error_context(name):
            write(file)
        return EncodedImage(file.getvalue(), written, **_remarks(photo))

    def colorize_file(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str] | None = None,
        **options: Unpack[FileKwargs],
    ) -> Result:
        """Colorize an image file; of several pages or frames, by default the first.

        Args:
            source: The photograph; never changed.
            target: The file to write; None for `photo.color.jpg` next to `photo.jpg`. Its suffix
                must be one of the format.
            **options: Those of :meth:`colorize_bytes`; `overwrite`: whether to replace an
                existing target; `keep_time`: whether the target gets the modification time of the
                photograph. It always gets its permissions.

        Raises:
            InputError: The image cannot be colorized.
            FileError: The source cannot be read, or the target not written.
            OptionError: An argument is of the wrong type or out of range, or the suffix of the
                target is one of another format.
            EngineError: Inference failed; nothing is written.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        start = perf_counter()
        check_file_options(options)
        wanted, overwrite = options.get("format"), options.get("overwrite", False)
        source = to_path(source)
        target = default_target(source, wanted) if target is None else to_path(target)
        written = resolve_format(target, wanted, source=source)
        check_target(target, overwrite=overwrite)  # now, and not after the work is done
        check_is_other_file(target, source)
        photo, write = self._colored(source, options, written, str(source))
        with error_context(source):
            write_atomically(
                target,
                write,
                overwrite=overwrite,
                like=source,
                keep_time=options.get("keep_time", False),
            )
        height, width = photo.gray.shape
        seconds = perf_counter() - start
        return Result(source, target, width, height, seconds, **_remarks(photo))

    def suggest_colors(
        self,
        image: bytes | Image.Image | NDArray[Any] | Photo,
        x: float,
        y: float,
        *,
        count: int = 6,
        **options: Unpack[PredictKwargs],
    ) -> tuple[ColorSuggestion, ...]:
        """Suggest probable colors at a position, such as to choose a hint from.

        Args:
            image: As for :meth:`colorize`.
            x: 0 at the left edge of the upright image to 1 at the right one.
            y: 0 at the top to 1 at the bottom.
            count: Maximum number of colors, 1 to 32.
            **options: Those of :meth:`predict`.

        Returns:
            Clearly different colors, the most probable first.

        Raises:
            InputError: The image cannot be colorized.
            OptionError: An argument is of the wrong type or out of range.
            EngineError: Inference failed.
            ModelFeatureError: The model has no distribution; or there are hints, but it does not
                support them.
        """
        check_range("x", x, 0, 1)
        check_range("y", y, 0, 1)
        check_int("count", count, 1, 32)
        _check_options(options, InferenceOptions)
        photo = _photo_from(image)
        model_input = self._model_input(photo, options)
        output = self._engine.distribution(model_input.lightness, model_input.hints)
        distribution = _window(model_input.unpad(output), x, y, 1)[0, 0]
        bins = np.array(self.card.bins, np.float32)
        chroma, probabilities = dominant_chroma(distribution, bins, count)
        radius = max(photo.gray.shape) // 100
        surroundings = _window(photo.gray, x, y, 2 * radius + 1)
        level = lightness(surroundings).mean(dtype=np.float32)
        colors = lab_to_srgb(map_to_gamut(np.insert(chroma, 0, level, axis=1)), np.uint8)
        return tuple(
            ColorSuggestion(f"#{bytes(color).hex()}", float(probability))
            for color, probability in zip(colors, probabilities, strict=True)
        )

    def _colored(
        self, source: bytes | Path, options: EncodeKwargs, written: str | None, name: str
    ) -> tuple[Photo, Callable[[BinaryIO], object]]:
        """Color an image file; returns the photograph, and a function that writes the result."""
        if options.get("keep_luma"):
            photo, content = self._color_around_luma(source, options, written, name)
            return photo, lambda file: file.write(content)
        photo = _read(source, options, self.threads, name)
        with error_context(name):
            chroma = self._chroma(photo, options)
        return photo, lambda file: self._write(file, source, photo, chroma, written, options)

    def _color_around_luma(
        self, source: bytes | Path, options: EncodeKwargs, written: str | None, name: str
    ) -> tuple[Photo, bytes]:
        """Color a gray JPEG whose luma is kept; returns the content of the result, too."""
        content = read_content(source, name)
        with error_context(name):
            parts = read_gray_jpeg(content)
        _check_format(written, options)
        photo = _read(content, options, self.threads, name)
        with error_context(name):
            if photo.damage == Damage.TRUNCATED:
                raise BrokenImageError(
                    "the JPEG is truncated: its luma cannot be kept",
                    hint=f"{COPY_AGAIN} Or color it without keeping its luma.",
                )
            luma = read_luma(parts)
            planes = self._chroma_planes(luma, self._chroma(photo, options))
            output = parse_options(OutputOptions, options)
            return replace(photo, metadata=luma.metadata), write_around_luma(
                parts, luma.metadata, planes, quality=output.quality, provenance=output.provenance
            )

    def _chroma_planes(self, luma: Luma, chroma: Float) -> NDArray[np.uint8]:
        """Render the Cb and Cr of upright chroma as stored, (ceil(H / 2), ceil(W / 2), 2)."""
        _check_finite(chroma)
        upsampler = ChromaUpsampler(turn_stored(chroma, luma.orientation), luma.half.shape)
        planes = np.empty((*luma.half.shape, 2), np.uint8)

        def fill(rows: slice) -> None:
            planes[rows] = chroma_at_luma(luma.half[rows], upsampler.strip(rows), luma.tone)

        self._in_strips(luma.half.shape, fill)
        return planes

    def _in_strips(self, shape: tuple[int, int], fill: Callable[[slice], None]) -> None:
        """Call a function for strips of rows that cover an image (H, W), in several threads."""
        height, width = shape
        step = max(STRIP_PIXELS // width, 1)
        strips = [slice(top, min(top + step, height)) for top in range(0, height, step)]
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(fill, strips))

    def _write(
        self,
        file: BinaryIO,
        source: bytes | Path,
        photo: Photo,
        chroma: Float,
        written: str | None,
        options: EncodeKwargs,
    ) -> None:
        """Write the first page with its chroma, then read, color and write the others."""
        output = parse_options(OutputOptions, options)
        written = written or output_format(photo.format)
        _, *others = _page_numbers(photo, options)
        if others and written != "TIFF":
            raise OptionError(
                f"{1 + len(others)} pages need a TIFF",
                hint="Choose the format tiff, or one page.",
            )
        if others and isinstance(source, Path) and not source.is_file():
            raise SourceError("a pipe can be read for one page only", hint="Give a file.")
        while True:
            self._write_page(file, photo, chroma, written, output)
            if not others:
                return
            del photo, chroma  # memory holds the first page, and one other
            photo = _read(source, options, self.threads, "", others.pop(0))
            chroma = self._chroma(photo, options)

    def _write_page(
        self, file: BinaryIO, photo: Photo, chroma: Float, written: str, output: OutputOptions
    ) -> None:
        quality, provenance, badge = output.quality, output.provenance, output.badge
        if can_write_subsampled(photo, chroma, written, badge=badge):
            _check_finite(chroma)
            write_subsampled(
                file, photo, chroma, quality=quality, provenance=provenance, threads=self.threads
            )
            return
        write_photo(
            file,
            self.render(photo, chroma),
            photo,
            format=written,
            quality=quality,
            provenance=provenance,
            badge=badge,
            threads=self.threads,
        )

    def _chroma(self, photo: Photo, options: ColorizeKwargs) -> Float:
        """Predict and adjust chroma; other options are ignored."""
        chroma = self.predict(photo, size=options.get("size"), hints=options.get("hints", ()))
        return adjust_chroma(chroma, parse_options(Adjustments, options))

    def _without_hints(self, light: Float) -> Float:
        """Predict without hints, or return the last result: corrections come one after another."""
        key = light.shape, sha256(light.tobytes()).digest()
        known = self._plain
        if known is None or known[0] != key:
            known = self._plain = key, self._engine.chroma(light, None)
        return known[1]

    def _model_input(self, photo: Photo, options: PredictKwargs) -> ModelInput:
        size, hints = options.get("size"), options.get("hints", ())
        return ModelInput.from_image(photo.gray, self.card, size, hints)


def check_file_options(options: EncodeKwargs | FileKwargs) -> None:
    """Check the keyword arguments of :meth:`Colorizer.colorize_file` without an image.

    Raises:
        OptionError: A name is unknown, or a value is of the wrong type or out of range.
    """
    also = ("max_pixels", "overwrite", "keep_time")
    groups = (Adjustments, InferenceOptions, InputOptions, OutputOptions)
    _check_options(options, *groups, also=also)
    check_int("max_pixels", options.get("max_pixels", MAX_PIXELS), 1, None)
    if requested := options.get("format"):
        _check_format(parse_format(requested), options)


def _check_format(name: str | None, options: EncodeKwargs | FileKwargs) -> None:
    if not options.get("keep_luma") or name in (None, "JPEG"):
        return
    if options.get("format"):
        raise OptionError(
            f"a {name} cannot keep the luma of a JPEG",
            hint="Choose the format jpg, or do not keep the luma.",
        )
    raise OptionError(
        f"the suffix of the name makes the result a {name}, which cannot keep the luma of a JPEG",
        hint="Choose the format jpg, as with --format jpg, or do not keep the luma.",
    )


def _check_options(options: Mapping[str, Any], *groups: type, also: tuple[str, ...] = ()) -> None:
    check_keywords(options, *groups, also=("hints", *also))
    for group in groups:
        parse_options(group, options)
    hints = options.get("hints", ())
    if not isinstance(hints, np.ndarray):  # a hint map, whose shape depends on the image
        check_hints(hints)


def _read(
    source: bytes | Path, options: EncodeKwargs, threads: int, name: str, page: int | None = None
) -> Photo:
    """Read a page, by default the first of those that the options select."""
    chosen = parse_options(InputOptions, options)
    return read_photo(
        source,
        max_pixels=options.get("max_pixels", MAX_PIXELS),
        strict=chosen.strict,
        page=page or chosen.page_range(1)[0],
        name=name,
        threads=threads,
    )


def _page_numbers(photo: Photo, options: EncodeKwargs) -> range:
    """Return the pages that the options select, given the first of them."""
    numbers = parse_options(InputOptions, options).page_range(photo.pages)
    if numbers[-1] > photo.pages:
        raise OptionError(f"there is no page {numbers[-1]}: the last is {photo.pages}")
    if len(numbers) > 1 and photo.format != "TIFF":
        raise UnsupportedImageError(
            f"the {photo.pages} frames of an animation are not pages",
            hint="Leave out the choice of pages: the first frame is colored, then.",
        )
    return numbers


class _Remarks(TypedDict):
    was_color: bool
    pages: int
    damage: Damage | None
    unreadable_metadata: tuple[str, ...]


def _remarks(photo: Photo) -> _Remarks:
    """Return what results tell of their source."""
    return {
        "was_color": photo.was_color,
        "pages": photo.pages,
        "damage": photo.damage,
        "unreadable_metadata": photo.metadata.unreadable,
    }


def _check_finite(chroma: Float) -> None:
    if not np.isfinite(chroma).all():
        raise InvalidChromaError("the chroma is not finite (NaN or infinity)")


def _photo_from(image: object) -> Photo:
    match image:
        case Photo():
            return image
        case np.ndarray():
            return photo_of_array(image)
        case bytes() | Image.Image():
            return read_photo(image)
        case str() | os.PathLike():
            raise OptionError(
                f"{os.fspath(image)!r:.60} is a path, not an image",
                hint="Use colorize_file for files, or give the content of the file as bytes.",
            )
        case _:
            raise UnsupportedImageError(
                f"an image cannot be given as {type(image).__name__}",
                hint="Give bytes, a Pillow image or a numpy array.",
            )


def _window(values: NDArray[Any], x: float, y: float, side: int) -> NDArray[Any]:
    """Crop a square around a position from an array (H, W, ...) that covers the image."""
    height, width = values.shape[:2]
    return values[pixels_at(y, height, side), pixels_at(x, width, side)]


def _with_dtype(pixels: UIntImage, dtype: np.dtype[Any]) -> Pixels:
    return pixels if pixels.dtype == dtype else from_float(to_float(pixels), dtype)
