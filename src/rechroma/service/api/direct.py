"""`POST /v1/colorize`: a picture in, the same in colour out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from rechroma.errors import (
    BusyError,
    EmptyImageError,
    ImageTooLargeError,
    NotAcceptableError,
    UploadTooLargeError,
)
from rechroma.imaging import result_format, sniff
from rechroma.service.context import Service, current_service
from rechroma.service.formats import MEDIA_TYPES
from rechroma.service.schemas import JobOptions, Options, Order
from rechroma.service.uploads import read_direct_upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rechroma.service.painter import Painting

direct = APIBlueprint("direct", __name__, url_prefix="/v1", tag="Pictures")

_OFFERED = ("JPEG", "PNG", "WEBP", "TIFF")
_USE_JOBS = "POST /v1/jobs takes larger ones."


@direct.post("/colorize")
@direct.output(FileSchema(), content_type="image/*")
@direct.input(Options, location="query", arg_name="options")
def colorize(options: Options) -> Response:
    """Colour a picture at once.

    The answer is the picture, in the format that `Accept` asks for, or else its own.
    """
    service = current_service()
    with _place(service), _pointing_to_jobs():
        upload = read_direct_upload(service.settings.direct_bytes)
        data = upload.pictures[0].stream.read()
        if len(data) > service.settings.direct_bytes:
            raise RequestEntityTooLarge
        wanted = JobOptions.model_validate(options.model_dump() | {"format": _wanted_format(data)})
        painting = _painted(service, data, Order(options=wanted, hints=upload.hints))
    return Response(painting.content, content_type=MEDIA_TYPES[painting.format])


def _painted(service: Service, data: bytes, order: Order) -> Painting:
    done = False
    try:
        with service.hands.turn(service.settings.wait) as painter:
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
    own = result_format(sniff(data))
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
        raise BusyError("too many pictures wait already", hint="Try again in a moment.")
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
