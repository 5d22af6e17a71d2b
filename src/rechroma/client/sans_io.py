"""Sans-I/O request flows: what to send, when to retry, and how to read the responses.

A flow is a generator that yields requests, is sent the reply to each, and returns the result. It
does no I/O itself, so that the blocking and the asyncio client share one implementation.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from io import BytesIO
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import IO, Any, Literal, TypeAlias, TypeVar, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from rechroma.client.responses import Job, Model, Response
from rechroma.errors import (
    ApiError,
    ConnectionFailedError,
    JobTimeoutError,
    OptionError,
    SourceError,
)
from rechroma.options import AdjustmentKwargs, InferenceKwargs, InputKwargs, OutputKwargs

Source: TypeAlias = str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""An image: the path of a file, the content of one, or a file opened in binary mode."""


class ColorizeParams(AdjustmentKwargs, InferenceKwargs, InputKwargs, OutputKwargs, total=False):
    """Options of a request, as docs/service.md describes them."""

    model: str
    format: Literal["jpeg", "png", "webp", "tiff", "avif", "jpeg2000"]
    hints: Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """An HTTP request to send.

    Attributes:
        method: HTTP method.
        path: Path relative to the service's URL.
        options: Further arguments of `httpx.Client.stream`.
        delay: Seconds to wait before sending it.
    """

    method: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0.0


Reply: TypeAlias = Response | httpx.RequestError
_T = TypeVar("_T")
Flow: TypeAlias = Generator[Request, Reply, _T]

_MEDIA_TYPES = {"jpeg2000": "jp2"}
_MAX_ATTEMPTS = 3  # after connection errors
_BACKOFF = 0.25  # seconds, doubled each time
_MAX_BACKOFF = 8.0
_POLL_INTERVAL = 0.1  # seconds, half as much again each time
_MAX_POLL_INTERVAL = 5.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def colorize(image: Source, params: ColorizeParams, retry_for: float) -> Flow[bytes]:
    """Colorize an image in one request."""
    query, fields = _query_and_form(params)
    wanted = query.pop("format", None)
    headers = {"Accept": f"image/{_MEDIA_TYPES.get(wanted, wanted)}"} if wanted else {}
    with _form_files([image]) as files:
        options = {"params": query, "headers": headers, "data": fields, "files": files}
        response = yield from _send(Request("POST", "/v1/colorize", options), retry_for)
    return response.read()


def submit(
    images: Source | Iterable[Source],
    params: ColorizeParams,
    idempotency_key: str | None,
    retry_for: float,
) -> Flow[Job]:
    """Submit a job; without an idempotency key, a random one makes the retries safe."""
    query, fields = _query_and_form(params)
    headers = {"Idempotency-Key": check_key(idempotency_key or uuid4().hex)}
    match images:  # a file name is one image, not an iterable of letters
        case str() | PathLike() | bytes() | bytearray() | memoryview():
            sources: Iterable[Source] = [images]
        case Iterable() if not hasattr(images, "read"):
            sources = images
        case _:
            sources = [cast("IO[bytes]", images)]
    with _form_files(sources) as files:
        if not files:
            raise OptionError("a job needs at least one image", hint="Pass one or more images.")
        options = {"params": query, "headers": headers, "data": fields, "files": files}
        response = yield from _send(Request("POST", "/v1/jobs", options), retry_for)
    return response.job()


def get_job(job: Job | str, retry_for: float, delay: float = 0.0) -> Flow[Job]:
    """Get the current state of a job."""
    response = yield from _send(Request("GET", _job_path(job), delay=delay), retry_for)
    return response.job()


def wait(job: Job | str, timeout: float | None, retry_for: float) -> Flow[Job]:
    """Poll a job, with growing intervals, until it is finished."""
    deadline = None if timeout is None else monotonic() + timeout
    interval = _POLL_INTERVAL
    current = yield from get_job(job, retry_for)
    while not current.is_finished:
        if deadline is not None and monotonic() + interval > deadline:
            raise JobTimeoutError(
                f"the job is not finished after {timeout:g} s: "
                f"{current.done + current.failed} of {current.total} images are done",
                hint="The job continues: wait for it again.",
            )
        current = yield from get_job(job, retry_for, interval)
        interval = min(interval * 1.5, _MAX_POLL_INTERVAL)
    return current


def list_jobs(path: str | None, retry_for: float) -> Flow[tuple[list[Job], str | None]]:
    """List jobs, the newest first: a page, and the path of the next one, if any."""
    response = yield from _send(Request("GET", path or "/v1/jobs"), retry_for)
    return response.jobs()


def get_result(job: Job | str, name: str, retry_for: float) -> Flow[bytes]:
    """Download the result of one image."""
    path = f"{_job_path(job)}/results/{quote(name, safe='')}"
    return (yield from _send(Request("GET", path), retry_for)).read()


def get_results(job: Job | str, retry_for: float) -> Flow[Response]:
    """Download the results of a job."""
    return (yield from _send(Request("GET", f"{_job_path(job)}/result"), retry_for))


def delete(job: Job | str, retry_for: float) -> Flow[None]:
    """Delete a job; deleting it twice is not an error."""
    try:
        (yield from _send(Request("DELETE", _job_path(job)), retry_for)).read()
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def models(retry_for: float) -> Flow[list[Model]]:
    """List the models of the service."""
    response = yield from _send(Request("GET", "/v1/models"), retry_for)
    return response.models()


def check_key(key: str) -> str:
    """Return a key that can be sent as an HTTP header.

    Raises:
        OptionError: It contains other characters than printable ASCII.
    """
    if not (key.isascii() and key.isprintable()):
        raise OptionError(
            "the key contains characters other than printable ASCII", hint="Check the key."
        )
    return key


def _send(request: Request, retry_for: float) -> Flow[Response]:
    """Send a request, with retries where they can help and fit into `retry_for` seconds.

    Raises:
        ApiError: The service responded with an error.
        ConnectionFailedError: It did not respond.
    """
    attempts = 0
    while True:
        reply = yield request
        attempts += 1
        delay = _retry_delay(reply, attempts)
        if delay is not None and delay <= retry_for:
            if isinstance(reply, Response):
                reply.body.close()
            retry_for -= delay
            request = replace(request, delay=delay)
            continue
        if isinstance(reply, httpx.RequestError):
            raise _connection_failed(reply) from reply
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise reply.error()
        return reply


def _retry_delay(reply: Reply, attempts: int) -> float | None:
    """Compute the seconds until a retry can succeed; None if it cannot."""
    backoff = min(_BACKOFF * 2.0**attempts, _MAX_BACKOFF)
    if isinstance(reply, httpx.RequestError):
        return backoff if attempts < _MAX_ATTEMPTS else None
    if reply.status not in _BUSY:
        return None
    retry_after = reply.headers.get("Retry-After", "")
    return max(float(retry_after), backoff) if retry_after.isdecimal() else backoff


def _connection_failed(error: httpx.RequestError) -> ConnectionFailedError:
    url = error.request.url
    address = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, httpx.TimeoutException):
        return ConnectionFailedError(
            f"{address} does not respond in time", hint="Give the client a longer timeout."
        )
    return ConnectionFailedError(
        f"{address} cannot be reached: {error or type(error).__name__}",
        hint="Check that the service is running and that the address is right.",
    )


def _job_path(job: Job | str) -> str:
    return f"/v1/jobs/{quote(job.id if isinstance(job, Job) else job, safe='')}"


def _query_and_form(params: ColorizeParams) -> tuple[dict[str, Any], dict[str, str]]:
    query = {name: value for name, value in params.items() if value is not None}
    hints = query.pop("hints", None)
    return query, {} if hints is None else {"hints": json.dumps(hints)}


@contextmanager
def _form_files(images: Iterable[Source]) -> Iterator[list[tuple[str, tuple[str, IO[bytes]]]]]:
    """Open images as parts of a form that can be sent more than once."""
    with ExitStack() as files:
        yield [("images", _form_file(image, files)) for image in images]


def _form_file(image: Source, files: ExitStack) -> tuple[str, IO[bytes]]:
    match image:
        case bytes() | bytearray() | memoryview():
            return "image", BytesIO(bytes(image))
        case str() | PathLike():
            path = Path(image)
            try:
                return path.name, files.enter_context(path.open("rb"))
            except OSError as error:
                raise SourceError(
                    f"{path}: {error.strerror}", hint="Check that the file exists and is readable."
                ) from error
    content = image.read() if hasattr(image, "read") else None
    if not isinstance(content, bytes):
        raise OptionError(
            f"{type(image).__name__} is not an image",
            hint="Pass a path, the content as bytes, or a file opened in binary mode.",
        )
    return Path(str(getattr(image, "name", ""))).name or "image", BytesIO(content)
