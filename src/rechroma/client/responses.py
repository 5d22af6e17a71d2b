"""HTTP responses of a service, and their parsing into records."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from email.message import Message
from email.utils import collapse_rfc2231_value
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx

from rechroma.errors import ApiError, ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IN_MEMORY = 8 << 20  # bytes of a body; a larger one goes to a temporary file
_FINISHED = frozenset({"done", "failed", "expired"})

_Record = TypeVar("_Record")


class ColorizedFile(NamedTuple):
    """A result of a job: a plain file name without folders, and the content of the file."""

    name: str
    data: bytes


@dataclass(frozen=True)
class ImageStatus:
    """State of one image of a job.

    Attributes:
        number: Position in the job, from 1.
        name: Name of the uploaded file.
        state: `queued`, `running`, `done` or `failed`.
        was_color: Whether the photo was in color or toned; None until it is done.
        pages: Pages or frames of the file, of which the first is colorized; None until it is done.
        damage: "end_missing" or "truncated" for a truncated JPEG; None for a whole file.
        unreadable_metadata: Kinds of its metadata that could not be read, and that the result
            lacks, such as "EXIF".
        result: Name of the result, with its suffix; None until the image is done.
        problem: Why it failed, as an exception that can be raised.
    """

    number: int
    name: str
    state: str
    was_color: bool | None
    pages: int | None
    damage: str | None
    unreadable_metadata: tuple[str, ...]
    result: str | None
    problem: ApiError | None


@dataclass(frozen=True)
class Job:
    """Snapshot of a job.

    Attributes:
        id: Identifier of the job.
        state: `queued`, `running`, `done`, `failed` or `expired`.
        total: Number of images.
        done: Number of images that are colorized.
        failed: Number of images that failed.
        images: State of each image, by number.
        problem: Why the job failed, as an exception that can be raised.
    """

    id: str
    state: str
    total: int
    done: int
    failed: int
    images: tuple[ImageStatus, ...]
    problem: ApiError | None

    @property
    def is_finished(self) -> bool:
        """True once the state is final: `done`, `failed` or `expired`."""
        return self.state in _FINISHED


@dataclass(frozen=True)
class Model:
    """A model that the service offers, as `GET /v1/models` describes it."""

    name: str
    version: str
    license: str
    authors: tuple[str, ...]
    description: str
    size: int
    hints: bool
    default: bool


@dataclass
class Response:
    """An HTTP response; a large body is buffered in a temporary file."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=httpx.Headers)
    body: IO[bytes] = field(default_factory=partial(SpooledTemporaryFile, max_size=_IN_MEMORY))

    def begin(self, response: httpx.Response) -> None:
        """Copy the status and headers of an httpx response."""
        self.status, self.headers = response.status_code, response.headers

    def read(self) -> bytes:
        """Read the whole body, and close it."""
        with self.body:
            self.body.seek(0)
            return self.body.read()

    def error(self) -> ApiError:
        """Read an error response, which is not a problem document if a proxy sent it."""
        try:
            return _problem(json.loads(self.read()))
        except (ValueError, TypeError, KeyError):
            pass
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown status"
        moved = self.headers.get("Location")
        hint = f"The service has moved to {moved}." if moved else None
        return ApiError(self.status, phrase, f"{self.status} {phrase}", hint)

    def job(self) -> Job:
        """Parse a job."""
        with _expect("a job"):
            return _job(json.loads(self.read()))

    def jobs(self) -> tuple[list[Job], str | None]:
        """Parse a page of jobs, and the path of the next page, if any."""
        with _expect("a list of jobs"):
            data = json.loads(self.read())
            return [_job(job) for job in data["jobs"]], data["next"]

    def models(self) -> list[Model]:
        """Parse a list of models."""
        with _expect("a list of models"):
            data = json.loads(self.read())["models"]
            return [_parse(Model, model, authors=tuple(model["authors"])) for model in data]

    def results(self) -> Iterator[ColorizedFile]:
        """Yield the results of a job, one in memory at a time."""
        with self.body, _expect("a result"):
            if self.headers.get("Content-Type") != "application/zip":
                yield ColorizedFile(_base_name(_file_name(self.headers)), self.read())
                return
            with zipfile.ZipFile(self.body) as archive:
                for name in archive.namelist():
                    yield ColorizedFile(_base_name(name), archive.read(name))


def _problem(data: Mapping[str, Any]) -> ApiError:
    """Convert problem details (RFC 9457) to an exception."""
    return ApiError(int(data["status"]), str(data["title"]), data.get("detail"), data.get("hint"))


def _job(data: Mapping[str, Any]) -> Job:
    images = tuple(
        _parse(
            ImageStatus,
            image,
            problem=_optional_problem(image),
            unreadable_metadata=tuple(image["unreadable_metadata"]),
        )
        for image in data["images"]
    )
    return _parse(Job, data, images=images, problem=_optional_problem(data))


def _optional_problem(data: Mapping[str, Any]) -> ApiError | None:
    return _problem(data["problem"]) if data["problem"] else None


def _parse(kind: type[_Record], data: Mapping[str, Any], **parsed: object) -> _Record:
    """Make a record of the known fields; a newer service can send more."""
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: parsed[name] if name in parsed else data[name] for name in names})


@contextmanager
def _expect(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ConnectionFailedError(
            f"the response is not {what} of a Rechroma service",
            hint="Check that the address is that of a Rechroma service.",
        ) from error


def _file_name(headers: Mapping[str, str]) -> str:
    message = Message()
    message["Content-Disposition"] = headers.get("Content-Disposition", "")
    params = message.get_params([], "content-disposition")
    names = [value for key, value in params if key == "filename"]  # the last one is in Unicode
    return collapse_rfc2231_value(names[-1]) if names else "image"


def _base_name(name: str) -> str:
    """Remove folders, so that the service cannot choose where a result is written."""
    return name.replace("\\", "/").rpartition("/")[2]
