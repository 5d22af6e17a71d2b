"""`/v1/colorize`, `/v1/chroma`, `/v1/suggestions`: one image, in one request."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, request
from PIL import Image
from werkzeug.exceptions import RequestEntityTooLarge

from rechroma.errors import EmptyImageError, ImageTooLargeError
from rechroma.imaging import is_built_in, output_format, sniff
from rechroma.service.errors import NotAcceptableError, OverloadedError, UploadTooLargeError
from rechroma.service.http.service_context import Service, current_service
from rechroma.service.http.uploads import read_image_upload
from rechroma.service.schemas import (
    ChromaPlane,
    ChromaQuery,
    ChromaView,
    ColorizeQuery,
    ColorizeRequest,
    JobOptions,
    ModelQuery,
    SuggestedColor,
    SuggestionsQuery,
    SuggestionsView,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

images = APIBlueprint("images", __name__, url_prefix="/v1", tag="Images")

_OFFERED = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000")
_CHROMA_STEP = 1 / 128  # int16 then holds twice the range of a* and b*
_USE_JOBS = "Use POST /v1/jobs for larger images."


@dataclass(frozen=True)
class _Upload:
    content: bytes
    hints: str | None

    def request(self, query: ModelQuery, **options: object) -> ColorizeRequest:
        """Combine the hints with those fields of a query that are options."""
        given = query.model_dump(include=set(JobOptions.model_fields)) | options
        return ColorizeRequest(options=JobOptions.model_validate(given), hints=self.hints)


@images.post("/colorize")
@images.output(FileSchema(), content_type="image/*")
@images.input(ColorizeQuery, location="query", arg_name="query")
def colorize(query: ColorizeQuery) -> Response:
    """Colorize an image.

    The response is the colorized image, in the format of the `Accept` header, or in its own. The
    header `Image-Damage` tells of a truncated JPEG: `end_missing`, or `truncated` without pixels.
    `Unreadable-Metadata` lists kinds of metadata that could not be read, such as `EXIF, XMP`.
    """
    service = current_service()
    with _image_upload(service) as upload, service.telemetry.counting("direct"):
        wanted = upload.request(query, format=_accepted_format(upload.content))
        with service.pool.acquire(service.settings.wait) as worker:
            image = worker.colorize(
                upload.content, wanted, max_pixels=service.settings.direct_pixels
            )
    response = Response(image.content, content_type=media_type(image.format))
    if image.damage:
        response.headers["Image-Damage"] = image.damage
    if image.unreadable_metadata:
        response.headers["Unreadable-Metadata"] = ", ".join(image.unreadable_metadata)
    return response


@images.post("/chroma")
@images.output(ChromaView)
@images.input(ChromaQuery, location="query", arg_name="query")
def chroma(query: ChromaQuery) -> ChromaView:
    """Predict the chroma of an image.

    For pages and programs that render the image themselves, and can then adjust it without
    another request.
    """
    service = current_service()
    with _image_upload(service) as upload, service.pool.acquire(service.settings.wait) as worker:
        preview = worker.predict_chroma(
            upload.content,
            upload.request(query),
            max_pixels=service.settings.direct_pixels,
            gray_side=query.gray,
        )
    height, width, _ = preview.chroma.shape
    steps = np.rint(preview.chroma / _CHROMA_STEP).astype("<i2")
    plane = ChromaPlane(
        width=width, height=height, step=_CHROMA_STEP, data=b64encode(steps.tobytes()).decode()
    )
    return ChromaView(
        width=preview.width,
        height=preview.height,
        was_color=preview.was_color,
        damage=preview.damage,
        unreadable_metadata=preview.unreadable_metadata,
        chroma=plane,
        gray=None if preview.gray is None else b64encode(preview.gray).decode(),
    )


@images.post("/suggestions")
@images.output(SuggestionsView)
@images.input(SuggestionsQuery, location="query", arg_name="query")
def suggestions(query: SuggestionsQuery) -> SuggestionsView:
    """Suggest probable colors at a position of an image."""
    service = current_service()
    with _image_upload(service) as upload, service.pool.acquire(service.settings.wait) as worker:
        colors = worker.suggest_colors(
            upload.content,
            upload.request(query),
            max_pixels=service.settings.direct_pixels,
            **query.model_dump(include={"x", "y", "count"}),
        )
    return SuggestionsView(
        colors=[SuggestedColor(color=each.color, probability=each.probability) for each in colors]
    )


def media_type(image_format: str) -> str:
    """Return the media type of a format; pillow-heif registers its own only once it is used."""
    return Image.MIME.get(image_format, f"image/{image_format.lower()}")


@contextmanager
def _image_upload(service: Service) -> Iterator[_Upload]:
    """Read the image of the request, within the limits of size and of concurrent requests.

    Some threads stay free of images, so that health checks are always answered.
    """
    if not service.image_slots.acquire(blocking=False):
        raise OverloadedError("too many images are waiting", hint="Try again in a few seconds.")
    try:
        upload = read_image_upload(service.settings.direct_bytes)
        content = upload.images[0].stream.read()
        if len(content) > service.settings.direct_bytes:
            raise RequestEntityTooLarge
        yield _Upload(content, upload.hints)
    except RequestEntityTooLarge:
        raise UploadTooLargeError(
            f"the image has more than {service.settings.direct_bytes} bytes", hint=_USE_JOBS
        ) from None
    except ImageTooLargeError as error:
        raise UploadTooLargeError(error.message, hint=_USE_JOBS) from error
    finally:
        service.image_slots.release()


def _accepted_format(content: bytes) -> str | None:
    """Negotiate the format of the result; None for that of the image."""
    if not content:
        raise EmptyImageError("the image is empty", hint="Send the content of an image file.")
    if not request.accept_mimetypes:
        return None
    own = output_format(sniff(content))
    types = {media_type(name): name for name in (own, *_OFFERED) if is_built_in(name)}
    best = request.accept_mimetypes.best_match(list(types))
    if best is None:
        raise NotAcceptableError(
            "none of the formats in the 'Accept' header can be written",
            hint=f"Available: {', '.join(types)}.",
        )
    return None if types[best] == own else types[best].lower()
