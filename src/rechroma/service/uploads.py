"""The pictures of a request: a form with files, JSON with base64, or the body itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from flask import Request, request
from pydantic import BaseModel, ValidationError
from werkzeug.utils import secure_filename

from rechroma.errors import RequestError, UploadTooLargeError
from rechroma.imaging import FORMATS
from rechroma.service.jobs.base import Incoming
from rechroma.service.schemas import DirectBody, JobBody

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORM_ROOM = 64 * 1024  # what a form adds to its files
_LONGEST_NAME = 80
_WAYS = "Send a form with files, JSON with base64, or the picture itself as the body."

_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class Upload:
    """What somebody sent.

    Attributes:
        pictures: At least one.
        hints: JSON, as a file of hints holds it.
    """

    pictures: tuple[Incoming, ...]
    hints: str | None = None


def read_direct_upload(most_bytes: int) -> Upload:
    """The one picture of the request that is being answered.

    Args:
        most_bytes: How large it may be.

    Raises:
        RequestError: There is none, there are several, or the body makes no sense.
        RequestEntityTooLarge: It is larger.
    """
    _limit_body(most_bytes)
    if request.is_json:
        body = _json_body(DirectBody)
        return Upload((_of_bytes("", body.picture),), _text_of(body.hints))
    upload = _form_or_raw()
    if len(upload.pictures) > 1:
        raise RequestError(
            f"one picture at a time, not {len(upload.pictures)}",
            hint="POST /v1/jobs takes many.",
        )
    return upload


def read_job_upload(most_bytes: int, most_pictures: int) -> Upload:
    """The pictures of the request that is being answered.

    Args:
        most_bytes: How large they may be together.
        most_pictures: How many there may be.

    Raises:
        RequestError: There is none, or the body makes no sense.
        RequestEntityTooLarge: They are larger.
        UploadTooLargeError: There are more.
    """
    _limit_body(most_bytes)
    upload = _job_json() if request.is_json else _form_or_raw()
    if len(upload.pictures) > most_pictures:
        raise UploadTooLargeError(
            f"{len(upload.pictures)} pictures are more than {most_pictures}",
            hint="Send them as several jobs.",
        )
    return upload


def longest_body(most_bytes: int, *, in_base64: bool) -> int:
    """How many bytes a request may have whose pictures have at most so many."""
    return (most_bytes * 4 // 3 if in_base64 else most_bytes) + _FORM_ROOM


def _limit_body(most_bytes: int) -> None:
    request.max_content_length = longest_body(most_bytes, in_base64=request.is_json)


def _job_json() -> Upload:
    body = _json_body(JobBody)
    pictures = (_of_bytes(picture.name, picture.data) for picture in body.pictures)
    return Upload(tuple(pictures), _text_of(body.hints))


def _json_body(kind: type[_Body]) -> _Body:
    try:
        return kind.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise RequestError(f"the JSON makes no sense: {_words(error)}", hint=_WAYS) from None


def _words(error: ValidationError) -> str:
    # What was sent is not repeated: it may be a picture.
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(_fault(fault["loc"], fault["msg"]) for fault in faults[:3])


def _fault(place: Iterable[int | str], message: str) -> str:
    where = ".".join(str(part)[:40] for part in place)
    return f"{where}: {message}" if where else message


def _form_or_raw() -> Upload:
    if request.mimetype != "multipart/form-data":
        return Upload((Incoming("", _raw_body(request)),))
    files = [file for _, file in request.files.items(multi=True) if file.filename or file.name]
    if not files:
        raise RequestError("there is no picture in the form", hint="curl -F picture=@photo.jpg")
    pictures = (
        Incoming(_safe_name(file.filename), cast("BinaryIO", file.stream)) for file in files
    )
    return Upload(tuple(pictures), request.form.get("hints"))


def _raw_body(given: Request) -> BinaryIO:
    if not given.content_length:
        raise RequestError("the request has no body", hint=_WAYS)
    return cast("BinaryIO", given.stream)


def _of_bytes(name: str, data: bytes) -> Incoming:
    return Incoming(_safe_name(name), BytesIO(data))


def _safe_name(name: str | None) -> str:
    """A name without folders and oddities, for results; and without a suffix that is known."""
    safe = secure_filename(name or "")
    for suffix in (known for suffixes in FORMATS.values() for known in suffixes):
        if safe.lower().endswith(suffix):
            return safe[: -len(suffix)][:_LONGEST_NAME]
    return safe[:_LONGEST_NAME]


def _text_of(hints: dict[str, Any] | None) -> str | None:
    return None if hints is None else json.dumps(hints)
