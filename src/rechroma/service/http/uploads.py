"""The pictures of a request: a form with files, JSON with base64, or the body itself."""

from __future__ import annotations

import json
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from rechroma.fs import translate_os_errors
from rechroma.imaging import SUFFIXES
from rechroma.service.errors import BadRequestError, UploadTooLargeError
from rechroma.service.jobs.types import Upload
from rechroma.service.schemas import DirectBody, JobBody

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FORM_ROOM = 64 * 1024  # what a form adds to its files
_FORM_PARTS = 100  # the same, in parts
_MAX_FIELD = 500_000  # bytes, which are held in memory
_MAX_NAME = 120  # bytes: with what a result's name adds, no file system finds it too long
_WAYS = "Send a form with files, JSON with base64, or the picture itself as the body."

_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class ParsedUpload:
    """What somebody sent.

    Attributes:
        pictures: At least one.
        hints: JSON, as a file of hints holds it.
    """

    pictures: tuple[Upload, ...]
    hints: str | None = None


def read_direct_upload(most_bytes: int) -> ParsedUpload:
    """The one picture of the request that is being answered.

    Args:
        most_bytes: How large it may be.

    Raises:
        BadRequestError: There is none, there are several, or the body makes no sense.
        RequestEntityTooLarge: It is larger.
        UploadTooLargeError: What came with it is too much.
    """
    _limit_body(most_bytes)
    if request.is_json:
        body = _json_body(DirectBody)
        return ParsedUpload((_of_bytes("", body.picture),), _text_of(body.hints))
    upload = _form_or_raw(most_pictures=1)
    if len(upload.pictures) > 1:
        raise BadRequestError(
            f"one picture at a time, not {len(upload.pictures)}",
            hint="POST /v1/jobs takes many.",
        )
    return upload


def read_job_upload(most_bytes: int, most_pictures: int) -> ParsedUpload:
    """The pictures of the request that is being answered.

    Args:
        most_bytes: How large they may be together.
        most_pictures: How many there may be.

    Raises:
        BadRequestError: There is none, or the body makes no sense.
        UploadTooLargeError: They are larger, there are more, or what came with them is too much.
    """
    _limit_body(most_bytes)
    try:
        upload = _job_json() if request.is_json else _form_or_raw(most_pictures)
    except RequestEntityTooLarge:
        raise UploadTooLargeError(
            f"the pictures have more than {most_bytes} bytes together",
            hint="Send fewer at a time, or smaller ones.",
        ) from None
    if len(upload.pictures) > most_pictures:
        raise UploadTooLargeError(
            f"{len(upload.pictures)} pictures are more than a job may hold here: {most_pictures}",
            hint="Send them as several jobs.",
        )
    return upload


def longest_body(most_bytes: int, *, in_base64: bool) -> int:
    """How many bytes a request may have whose pictures have at most so many."""
    return (most_bytes * 4 // 3 if in_base64 else most_bytes) + _FORM_ROOM


def _limit_body(most_bytes: int) -> None:
    request.max_content_length = longest_body(most_bytes, in_base64=request.is_json)


def _job_json() -> ParsedUpload:
    body = _json_body(JobBody)
    pictures = (_of_bytes(picture.name, picture.data) for picture in body.pictures)
    return ParsedUpload(tuple(pictures), _text_of(body.hints))


def _json_body(kind: type[_Body]) -> _Body:
    try:
        return kind.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise BadRequestError(f"the JSON makes no sense: {_words(error)}", hint=_WAYS) from None


def _words(error: ValidationError) -> str:
    # What was sent is not repeated: it may be a picture.
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(_fault(fault["loc"], fault["msg"]) for fault in faults[:3])


def _fault(place: Iterable[int | str], message: str) -> str:
    where = ".".join(str(part)[:40] for part in place)
    return f"{where}: {message}" if where else message


def _form_or_raw(most_pictures: int) -> ParsedUpload:
    if request.mimetype != "multipart/form-data":
        return ParsedUpload((Upload("", _raw_body()),))
    # Large files are laid down in the temporary folder meanwhile.
    with _limited_form(most_pictures + _FORM_PARTS), translate_os_errors(Path(gettempdir())):
        sent = list(request.files.items(multi=True))
    files = [file for _, file in sent if file.filename or file.name]
    if not files:
        raise BadRequestError("there is no picture in the form", hint="curl -F picture=@photo.jpg")
    pictures = (Upload(_safe_name(file.filename), cast("BinaryIO", file.stream)) for file in files)
    return ParsedUpload(tuple(pictures), request.form.get("hints"))


@contextmanager
def _limited_form(most_parts: int) -> Iterator[None]:
    """Say of a form, while it is read, whether it is what it holds that is too much."""
    request.max_form_parts = most_parts
    request.max_form_memory_size = _MAX_FIELD
    body = request.stream  # raises of a length that is told beforehand
    try:
        yield
    except RequestEntityTooLarge:
        if request.content_length is None and getattr(body, "is_exhausted", False):
            raise
        raise UploadTooLargeError(
            f"the form has more than {most_parts} parts, or hints of more than {_MAX_FIELD} bytes",
            hint="Send fewer pictures or hints at a time.",
        ) from None


def _raw_body() -> BinaryIO:
    # How long it is was not told of one in chunks, but it may be read to its end.
    body = BufferedReader(cast("RawIOBase", request.stream))
    if not body.peek(1):
        raise BadRequestError("the request has no body", hint=_WAYS)
    return body


def _of_bytes(name: str, data: bytes) -> Upload:
    return Upload(_safe_name(name), BytesIO(data))


def _safe_name(name: str | None) -> str:
    """A name without folders and oddities, for results; and without a suffix that is known."""
    plain = (name or "").replace("\\", "/").rpartition("/")[2]
    stem, _, suffix = plain.rpartition(".")
    if f".{suffix.lower()}" in SUFFIXES:
        plain = stem
    safe = "".join(char if _is_plain(char) else "_" for char in unicodedata.normalize("NFC", plain))
    return safe.strip(" .").encode()[:_MAX_NAME].decode(errors="ignore").rstrip(" .")


def _is_plain(char: str) -> bool:
    """Whether it is a letter, a mark on one, a digit, or one of a few signs."""
    return char in "-_. " or unicodedata.category(char)[0] in "LMN"


def _text_of(hints: dict[str, Any] | None) -> str | None:
    return None if hints is None else json.dumps(hints)
