"""What a service answers, and how it is read."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from email.message import Message
from email.utils import collapse_rfc2231_value
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx

from rechroma.errors import ApiError, ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IN_MEMORY = 8 << 20  # bytes of an answer; what is more goes to a temporary file
_ENDED = frozenset({"done", "failed", "expired"})

_Kind = TypeVar("_Kind")


class Result(NamedTuple):
    """A picture in color: a plain file name, and the content of the file."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Picture:
    """One picture of a job.

    Attributes:
        number: Its place in the job, from 1.
        name: What it was called, without its suffix.
        state: `queued`, `running`, `done` or `failed`.
        had_color: Whether it was in color or toned; None before it is done.
        pages: How many pages or frames its file has, of which the first is colored; as above.
        problem: Why it failed, to be read or raised.
    """

    number: int
    name: str
    state: str
    had_color: bool | None
    pages: int | None
    problem: ApiError | None


@dataclass(frozen=True)
class Job:
    """A job, as it was when the service was asked.

    Attributes:
        id: Its name.
        state: `queued`, `running`, `done`, `failed` or `expired`.
        total: How many pictures it has.
        done: How many of them are colored.
        failed: How many could not be.
        pictures: By their numbers.
        problem: Why the job failed, to be read or raised.
    """

    id: str
    state: str
    total: int
    done: int
    failed: int
    pictures: tuple[Picture, ...]
    problem: ApiError | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _ENDED


@dataclass(frozen=True)
class Model:
    """A model that the service offers; see `GET /v1/models`."""

    name: str
    version: str
    license: str
    authors: tuple[str, ...]
    description: str
    size: int
    hints: bool
    default: bool


@dataclass
class Answer:
    """An answer of the service, whose body is being filled."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=httpx.Headers)
    body: IO[bytes] = field(default_factory=lambda: _new_body())

    def begin(self, response: httpx.Response) -> None:
        """Take over the head of a response."""
        self.status, self.headers = response.status_code, response.headers

    def read(self) -> bytes:
        """The whole body, once."""
        with self.body:
            self.body.seek(0)
            return self.body.read()

    def problem(self) -> ApiError:
        """What an answer that is no success says of itself."""
        try:
            return problem_of(json.loads(self.read()))
        except (ValueError, TypeError, KeyError):  # of a server before the service
            phrase = _phrase(self.status)
        moved = self.headers.get("Location")
        hint = f"It has moved: ask {moved} instead." if moved else None
        return ApiError(self.status, phrase, f"{self.status} {phrase}", hint)

    def job(self) -> Job:
        """The job that it tells of."""
        with _expecting("a job"):
            told = json.loads(self.read())
            pictures = tuple(
                _picked(Picture, picture, problem=_problem_in(picture))
                for picture in told["pictures"]
            )
            return _picked(Job, told, pictures=pictures, problem=_problem_in(told))

    def models(self) -> list[Model]:
        """The models that it tells of."""
        with _expecting("models"):
            told = json.loads(self.read())["models"]
            return [_picked(Model, model, authors=tuple(model["authors"])) for model in told]

    def results(self) -> Iterator[Result]:
        """The pictures in it, one at a time."""
        with self.body, _expecting("pictures"):
            if self.headers.get("Content-Type") != "application/zip":
                yield Result(_plain(_file_name(self.headers)), self.read())
                return
            with zipfile.ZipFile(self.body) as archive:
                for name in archive.namelist():
                    yield Result(_plain(name), archive.read(name))


def _new_body() -> IO[bytes]:
    return SpooledTemporaryFile(max_size=_IN_MEMORY)


def problem_of(told: Mapping[str, Any]) -> ApiError:
    """Problem details as an error."""
    return ApiError(int(told["status"]), str(told["title"]), told.get("detail"), told.get("hint"))


def _problem_in(told: Mapping[str, Any]) -> ApiError | None:
    return problem_of(told["problem"]) if told["problem"] else None


def _picked(kind: type[_Kind], told: Mapping[str, Any], **known: object) -> _Kind:
    """The fields that are known here; a newer service may tell more."""
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: known[name] if name in known else told[name] for name in names})


@contextmanager
def _expecting(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ConnectionFailedError(
            f"the answer is not {what}, as Rechroma's would be",
            hint="Is the address that of a Rechroma service?",
        ) from error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _file_name(headers: Mapping[str, str]) -> str:
    message = Message()
    message["Content-Disposition"] = headers.get("Content-Disposition", "")
    told = message.get_params([], "content-disposition")
    names = [value for key, value in told if key == "filename"]  # last, if so, that in Unicode
    return collapse_rfc2231_value(names[-1]) if names else "picture"


def _plain(name: str) -> str:
    """Without folders: nothing is written to where the service wants it."""
    return name.replace("\\", "/").rpartition("/")[2]
