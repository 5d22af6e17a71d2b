"""What is asked of a service, in which order, and what is made of the answers.

A talk is a generator: it yields what is to be asked, is sent what came of it, and returns the
result. It sends nothing itself, so that one talk serves both clients.
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

from rechroma.client.responses import Answer, Job, Model
from rechroma.errors import (
    ApiError,
    ConnectionFailedError,
    JobTimeoutError,
    OptionError,
    SourceError,
)
from rechroma.options import AdjustmentKwargs, InferenceKwargs, OutputKwargs

Source: TypeAlias = str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A picture: the path of its file, its content, or a file that is open."""


class ColorizeParams(AdjustmentKwargs, InferenceKwargs, OutputKwargs, total=False):
    """The parameters of a request, described in docs/service.md."""

    model: str
    format: Literal["jpeg", "png", "webp", "tiff"]
    hints: Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """A request that is to be sent.

    Attributes:
        method: Of HTTP.
        path: Below the address of the service.
        options: More of what `httpx.Client.stream` takes.
        pause: Seconds to wait before.
    """

    method: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pause: float = 0.0


Reply: TypeAlias = Answer | httpx.RequestError
_T = TypeVar("_T")
Flow: TypeAlias = Generator[Ask, Reply, _T]

_TRIES = 3  # where the line breaks
_PAUSE = 0.25  # seconds, and twice as many each time
_MAX_PAUSE = 8.0
_LOOK_AGAIN = 0.1  # seconds, and half as many more each time
_MAX_LOOK = 5.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def colorize(picture: Source, knobs: ColorizeParams, patience: float) -> Flow[bytes]:
    """Have a picture colored at once."""
    query, fields = _split(knobs)
    wanted = query.pop("format", None)
    headers = {"Accept": f"image/{wanted}"} if wanted else {}
    with _files([picture]) as files:
        options = {"params": query, "headers": headers, "data": fields, "files": files}
        answer = yield from _insist(Ask("POST", "/v1/colorize", options), patience)
    return answer.read()


def submit(
    pictures: Source | Iterable[Source],
    knobs: ColorizeParams,
    repeat_key: str | None,
    patience: float,
) -> Flow[Job]:
    """Hand in a job, with a key that lets the service know it again."""
    query, fields = _split(knobs)
    headers = {"Idempotency-Key": checked_key(repeat_key or uuid4().hex)}
    with _files(_listed(pictures)) as files:
        if not files:
            raise OptionError("a job of no pictures", hint="Give it one or more.")
        options = {"params": query, "headers": headers, "data": fields, "files": files}
        answer = yield from _insist(Ask("POST", "/v1/jobs", options), patience)
    return answer.job()


def find(job: Job | str, patience: float, pause: float = 0.0) -> Flow[Job]:
    """Ask how far a job is."""
    answer = yield from _insist(Ask("GET", _path_of(job), pause=pause), patience)
    return answer.job()


def wait(job: Job | str, timeout: float | None, patience: float) -> Flow[Job]:
    """Ask for a job again and again, until it has ended."""
    limit = None if timeout is None else monotonic() + timeout
    pause = _LOOK_AGAIN
    found = yield from find(job, patience)
    while not found.has_ended:
        if limit is not None and monotonic() + pause > limit:
            raise JobTimeoutError(
                f"the job has not ended after {timeout:g} s: "
                f"{found.done + found.failed} of {found.total} pictures are done",
                hint="It goes on: wait again.",
            )
        found = yield from find(job, patience, pause)
        pause = min(pause * 1.5, _MAX_LOOK)
    return found


def fetch(job: Job | str, patience: float) -> Flow[Answer]:
    """Ask for the results of a job."""
    return (yield from _insist(Ask("GET", f"{_path_of(job)}/result"), patience))


def delete(job: Job | str, patience: float) -> Flow[None]:
    """Have a job forgotten; it is well if that came before."""
    try:
        (yield from _insist(Ask("DELETE", _path_of(job)), patience)).read()
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def models(patience: float) -> Flow[list[Model]]:
    """Ask for the models."""
    answer = yield from _insist(Ask("GET", "/v1/models"), patience)
    return answer.models()


def checked_key(key: str) -> str:
    """A key, if a header can hold it.

    Raises:
        OptionError: It cannot.
    """
    if not (key.isascii() and key.isprintable()):
        raise OptionError("the key has characters that no key has", hint="Take plain ASCII.")
    return key


def _insist(ask: Ask, patience: float) -> Flow[Answer]:
    """Ask, and ask again where that may help, as long as the pauses stay within `patience`.

    Raises:
        ApiError: The service says no.
        ConnectionFailedError: It says nothing.
    """
    tries = 0
    while True:
        reply = yield ask
        tries += 1
        pause = _pause_after(reply, tries)
        if pause is None or pause > patience:
            return _success(reply)
        if isinstance(reply, Answer):
            reply.body.close()
        patience -= pause
        ask = replace(ask, pause=pause)


def _pause_after(reply: Reply, tries: int) -> float | None:
    """Seconds until it may be worth asking again; None for never."""
    growing = min(_PAUSE * 2.0**tries, _MAX_PAUSE)
    if isinstance(reply, httpx.RequestError):
        return growing if tries < _TRIES else None
    if reply.status not in _BUSY:
        return None
    told = reply.headers.get("Retry-After", "")
    return max(float(told), growing) if told.isdecimal() else growing


def _success(reply: Reply) -> Answer:
    if isinstance(reply, httpx.RequestError):
        raise _unreachable(reply) from reply
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise reply.problem()
    return reply


def _unreachable(error: httpx.RequestError) -> ConnectionFailedError:
    url = error.request.url
    address = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, httpx.TimeoutException):
        return ConnectionFailedError(
            f"{address} does not answer in time", hint="Give the client a longer timeout."
        )
    return ConnectionFailedError(
        f"{address} cannot be reached: {error or type(error).__name__}",
        hint="Is the service running, and the address right?",
    )


def _path_of(job: Job | str) -> str:
    return f"/v1/jobs/{quote(job.id if isinstance(job, Job) else job, safe='')}"


def _split(knobs: ColorizeParams) -> tuple[dict[str, Any], dict[str, str]]:
    """What goes into the query, and what into the form."""
    query = {name: value for name, value in knobs.items() if value is not None}
    hints = query.pop("hints", None)
    return query, {} if hints is None else {"hints": json.dumps(hints)}


def _listed(pictures: Source | Iterable[Source]) -> Iterable[Source]:
    """A picture alone, such as the name of a file, is one, and not what it is made of."""
    match pictures:
        case str() | PathLike() | bytes() | bytearray() | memoryview():
            return [pictures]
        case Iterable() if not hasattr(pictures, "read"):
            return pictures
    return [cast("IO[bytes]", pictures)]


@contextmanager
def _files(pictures: Iterable[Source]) -> Iterator[list[tuple[str, tuple[str, IO[bytes]]]]]:
    """The pictures as parts of a form, which may be sent several times."""
    with ExitStack() as opened:
        yield [("pictures", _file(picture, opened)) for picture in pictures]


def _file(picture: Source, opened: ExitStack) -> tuple[str, IO[bytes]]:
    match picture:
        case bytes() | bytearray() | memoryview():
            return "picture", BytesIO(bytes(picture))
        case str() | PathLike():
            path = Path(picture)
            return path.name, opened.enter_context(_open(path))
    name = getattr(picture, "name", "")
    return Path(str(name)).name or "picture", BytesIO(_content(picture))


def _content(file: IO[bytes]) -> bytes:
    content = file.read() if hasattr(file, "read") else None
    if not isinstance(content, bytes):
        raise OptionError(
            f"{type(file).__name__} is no picture",
            hint="Give a path, the content as bytes, or a file that is open for bytes.",
        )
    return content


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
