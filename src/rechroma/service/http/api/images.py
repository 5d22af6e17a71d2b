"""What is answered at once: a picture in color, its colors alone, or those of a place."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from rechroma.errors import EmptyImageError, ImageTooLargeError
from rechroma.imaging import output_format, sniff
from rechroma.service.errors import NotAcceptableError, OverloadedError, UploadTooLargeError
from rechroma.service.http.context import Service, current_service
from rechroma.service.http.media_types import MEDIA_TYPES
from rechroma.service.http.uploads import read_direct_upload
from rechroma.service.schemas import (
    ChromaView,
    ColorizeRequest,
    JobOptions,
    LikelyView,
    Options,
    PaletteQuery,
    PaletteView,
    SketchQuery,
    SketchView,
    View,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rechroma.service.inference.predictor import Painting, Paints, Sketch

direct = APIBlueprint("direct", __name__, url_prefix="/v1", tag="Pictures")

_OFFERED = ("JPEG", "PNG", "WEBP", "TIFF")
_CHROMA_STEP = 1 / 128  # of a* and b* in a sketch: int16 holds twice what there is
_USE_JOBS = "POST /v1/jobs takes larger ones."


@direct.post("/colorize")
@direct.output(FileSchema(), content_type="image/*")
@direct.input(Options, location="query", arg_name="options")
def colorize(options: Options) -> Response:
    """Color a picture at once.

    The answer is the picture, in the format that `Accept` asks for, or else its own.
    """
    service = current_service()
    with _one_picture(service) as (data, hints):
        wanted = JobOptions.model_validate(options.model_dump() | {"format": _wanted_format(data)})
        painting = _painted(service, data, ColorizeRequest(options=wanted, hints=hints))
    return Response(painting.content, content_type=MEDIA_TYPES[painting.made.format])


@direct.post("/chroma")
@direct.output(SketchView)
@direct.input(SketchQuery, location="query", arg_name="query")
def sketch(query: SketchQuery) -> SketchView:
    """Get the colors of a picture alone.

    For pages and programs that show it in color themselves, and turn the knobs without asking
    again.
    """
    service = current_service()
    most = service.settings.direct_pixels
    with _one_picture(service) as (data, hints), _turn(service) as painter:
        found = painter.sketch(data, _order(query, hints), max_pixels=most, gray_side=query.gray)
    return _sketch_view(found)


@direct.post("/suggestions")
@direct.output(PaletteView)
@direct.input(PaletteQuery, location="query", arg_name="query")
def palette(query: PaletteQuery) -> PaletteView:
    """Get the colors that the model thinks likely at a place of a picture."""
    service = current_service()
    most = service.settings.direct_pixels
    place = query.model_dump(include={"x", "y", "count"})
    with _one_picture(service) as (data, hints), _turn(service) as painter:
        found = painter.palette(data, _order(query, hints), max_pixels=most, **place)
    return PaletteView(colors=[LikelyView(color=one.color, share=one.probability) for one in found])


def _sketch_view(found: Sketch) -> SketchView:
    height, width, _ = found.chroma.shape
    steps = np.rint(found.chroma / _CHROMA_STEP).astype("<i2")
    return SketchView(
        width=found.width,
        height=found.height,
        had_color=found.had_color,
        chroma=ChromaView(
            width=width, height=height, step=_CHROMA_STEP, data=_base64(steps.tobytes())
        ),
        gray=None if found.gray is None else _base64(found.gray),
    )


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _order(query: View, hints: str | None) -> ColorizeRequest:
    return ColorizeRequest(options=JobOptions(size=query.size, model=query.model), hints=hints)


@contextmanager
def _one_picture(service: Service) -> Iterator[tuple[bytes, str | None]]:
    """The picture of the request and its hints, while it has a place."""
    with _place(service), _pointing_to_jobs():
        upload = read_direct_upload(service.settings.direct_bytes)
        data = upload.pictures[0].stream.read()
        if len(data) > service.settings.direct_bytes:
            raise RequestEntityTooLarge
        yield data, upload.hints


def _turn(service: Service) -> AbstractContextManager[Paints]:
    return service.hands.turn(service.settings.wait)


def _painted(service: Service, data: bytes, order: ColorizeRequest) -> Painting:
    done = False
    try:
        with _turn(service) as painter:
            painting = painter.paint(data, order, max_pixels=service.settings.direct_pixels)
        done = True
    finally:
        service.telemetry.count_picture("direct", done=done)
    return painting


def _wanted_format(data: bytes) -> str | None:
    """The format that suits the request best; None for the picture's own."""
    if not data:
        raise EmptyImageError("the picture is empty")
    if not request.accept_mimetypes:
        return None
    own = output_format(sniff(data))
    types = {MEDIA_TYPES[name]: name for name in (own, *_OFFERED)}
    best = request.accept_mimetypes.best_match(list(types))
    if best is None:
        raise NotAcceptableError(
            "none of the formats in 'Accept' is written", hint=f"There are {', '.join(types)}."
        )
    return None if types[best] == own else types[best].lower()


@contextmanager
def _place(service: Service) -> Iterator[None]:
    """Keep some threads free of pictures, so that the service can be asked how it is."""
    if not service.waiting.acquire(blocking=False):
        raise OverloadedError("too many pictures wait already", hint="Try again in a moment.")
    try:
        yield
    finally:
        service.waiting.release()


@contextmanager
def _pointing_to_jobs() -> Iterator[None]:
    """Say of what is too large where it may go."""
    try:
        yield
    except RequestEntityTooLarge:
        raise UploadTooLargeError(
            "the picture is too large for an answer at once", hint=_USE_JOBS
        ) from None
    except ImageTooLargeError as error:
        raise UploadTooLargeError(error.message, hint=_USE_JOBS) from error
