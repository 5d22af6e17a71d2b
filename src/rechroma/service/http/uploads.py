"""Uploaded images: a form with files, JSON with base64, or the file as the body."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from tempfile import gettempdir
from typing import BinaryIO, TypeVar, cast

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from rechroma.fs import translate_os_errors
from rechroma.service.errors import BadRequestError, UploadTooLargeError
from rechroma.service.jobs.files import split_name
from rechroma.service.jobs.types import Upload
from rechroma.service.schemas import ImageBody, JobBody
from rechroma.service.validation_errors import explain

_FORM_OVERHEAD = 64 * 1024  # bytes of a form besides its files
_FORM_PARTS = 100  # parts of a form besides its files
_MAX_FIELD = 500_000  # bytes, which are held in memory
_MAX_NAME = 120  # bytes: short enough for any file system, with what a result's name adds
_BODY_HINT = "Send a form with files, JSON with base64, or an image file as the body."

_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class ParsedUpload:
    """The images and hints of a request.

    Attributes:
        images: At least one.
        hints: JSON in the format of a hints file.
    """

    images: tuple[Upload, ...]
    hints: str | None = None


def read_image_upload(max_bytes: int) -> ParsedUpload:
    """Read the single image of the current request.

    Args:
        max_bytes: Size limit of the image.

    Raises:
        BadRequestError: There is no image or more than one, or the body is invalid.
        RequestEntityTooLarge: The image is too large.
        UploadTooLargeError: The form has too many other parts, or too large ones.
    """
    request.max_content_length = max_body_size(max_bytes, in_base64=request.is_json)
    if request.is_json:
        body = _json_body(ImageBody)
        return ParsedUpload((Upload("", BytesIO(body.image)),), _dump(body.hints))
    upload = _read_form_or_body(max_images=1)
    if len(upload.images) > 1:
        raise BadRequestError(
            f"the request has {len(upload.images)} images, but only one is allowed",
            hint="Use POST /v1/jobs for several images.",
        )
    return upload


def read_job_upload(max_bytes: int, max_images: int) -> ParsedUpload:
    """Read the images of the current request.

    Args:
        max_bytes: Size limit of all images together.
        max_images: Maximum number of images.

    Raises:
        BadRequestError: There is no image, or the body is invalid.
        UploadTooLargeError: There are too many images, or they or other parts are too large.
    """
    request.max_content_length = max_body_size(max_bytes, in_base64=request.is_json)
    try:
        if request.is_json:
            body = _json_body(JobBody)
            images = (Upload(_safe_name(image.name), BytesIO(image.data)) for image in body.images)
            upload = ParsedUpload(tuple(images), _dump(body.hints))
        else:
            upload = _read_form_or_body(max_images)
    except RequestEntityTooLarge:
        raise UploadTooLargeError(
            f"the images have more than {max_bytes} bytes together",
            hint="Send fewer or smaller images.",
        ) from None
    if len(upload.images) > max_images:
        raise UploadTooLargeError(
            f"the job has {len(upload.images)} images, more than the {max_images} allowed",
            hint="Split it into several jobs.",
        )
    return upload


def max_body_size(max_bytes: int, *, in_base64: bool) -> int:
    """Compute the size limit of a request's body from that of its images, in bytes."""
    return (max_bytes * 4 // 3 if in_base64 else max_bytes) + _FORM_OVERHEAD


def _json_body(kind: type[_Body]) -> _Body:
    try:
        return kind.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        sentences = list(explain(error, kind).values())[:3]
        raise BadRequestError(
            f"the JSON body is invalid: {'; '.join(sentences)}", hint=_BODY_HINT
        ) from None


def _read_form_or_body(max_images: int) -> ParsedUpload:
    if request.mimetype != "multipart/form-data":
        # A chunked body has no Content-Length, but it can be read to its end.
        body = BufferedReader(cast("RawIOBase", request.stream))
        if not body.peek(1):
            raise BadRequestError("the request has no body", hint=_BODY_HINT)
        return ParsedUpload((Upload("", body),))
    # Large files are buffered in the temporary folder.
    request.max_form_parts = max_images + _FORM_PARTS
    request.max_form_memory_size = _MAX_FIELD
    stream = request.stream  # raises if the Content-Length is too large
    try:
        with translate_os_errors(Path(gettempdir())):
            parts = list(request.files.items(multi=True))
    except RequestEntityTooLarge:
        # Either the form as a whole is too large, or it has too many or too large fields.
        if request.content_length is None and getattr(stream, "is_exhausted", False):
            raise
        raise UploadTooLargeError(
            f"the form has more than {request.max_form_parts} parts, or hints of more than "
            f"{_MAX_FIELD} bytes",
            hint="Send fewer images or hints.",
        ) from None
    files = [file for _, file in parts if file.filename or file.name]
    if not files:
        raise BadRequestError(
            "there is no image in the form", hint="Send one, such as by curl -F image=@photo.jpg."
        )
    images = (Upload(_safe_name(file.filename), cast("BinaryIO", file.stream)) for file in files)
    return ParsedUpload(tuple(images), request.form.get("hints") or None)


def _safe_name(name: str | None) -> str:
    """Make a name without folders and special characters; "" if nothing but a suffix is left."""
    stem, suffix = split_name((name or "").replace("\\", "/").rpartition("/")[2])
    safe = "".join(
        char if char in "-_. " or unicodedata.category(char)[0] in "LMN" else "_"  # also accents
        for char in unicodedata.normalize("NFC", stem)
    )
    short = safe.strip(" .").encode()[:_MAX_NAME].decode(errors="ignore").rstrip(" .")
    return short and short + suffix


def _dump(hints: object | None) -> str | None:
    return None if hints is None else json.dumps(hints)
