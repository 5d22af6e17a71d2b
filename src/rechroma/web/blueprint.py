"""What a server needs to show the page: its files, and sample pictures to try at once."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, request

from rechroma.imaging import encode_preview, read_photo
from rechroma.web.samples import SAMPLES, sample_file

if TYPE_CHECKING:
    from rechroma.web.samples import Sample

STATIC = Path(__file__).parent / "static"
ROUTES = {
    "/",
    "/static/<path:name>",
    "/samples",
    "/samples/<name>.jpg",
    "/samples/small/<name>.jpg",
}
"""All that the page needs before anybody has shown a key."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {  # what this computer says of them may be wrong, and browsers are told not to guess
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_DAY = 86_400  # seconds

page = Blueprint("page", __name__)


@page.get("/")
def index() -> Response:
    """The page."""
    response = _file("index.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@page.get("/static/<path:name>")
def static(name: str) -> Response:
    """One of its files; the browser asks each time whether it has changed."""
    return _file(name)


@page.get("/samples")
def samples() -> Response:
    """The names of the samples that there are."""
    return jsonify([sample.name for sample in SAMPLES if sample_file(sample)])


@page.get("/samples/<name>.jpg")
def sample(name: str) -> Response:
    """A sample in gray."""
    return _sample_answer(name, side=2048, quality=92)


@page.get("/samples/small/<name>.jpg")
def small_sample(name: str) -> Response:
    """A small sample in gray, to choose by."""
    return _sample_answer(name, side=200, quality=80)


def _file(name: str) -> Response:
    path = _files().get(name)
    if path is None:
        abort(404)
    packed = request.accept_encodings["gzip"] > 0
    response = Response(_content(path, packed=packed), content_type=_TYPES[path.suffix])
    response.vary.add("Accept-Encoding")
    if packed:
        response.content_encoding = "gzip"
    response.cache_control.no_cache = True
    return _with_tag(response)


@cache
def _files() -> dict[str, Path]:
    """The files of the page by their names below `static/`."""
    paths = (path for path in STATIC.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(STATIC).as_posix(): path for path in paths}


@cache
def _content(path: Path, *, packed: bool) -> bytes:
    content = path.read_bytes()
    return gzip.compress(content, mtime=0) if packed else content


def _with_tag(response: Response) -> Response:
    """Let the browser keep it, and be told in a few bytes that it is the same."""
    response.add_etag()
    response.make_conditional(request)
    return response


def _sample_answer(name: str, *, side: int, quality: int) -> Response:
    found = next((sample for sample in SAMPLES if sample.name == name), None)
    path = found and sample_file(found)
    if found is None or path is None:
        abort(404)
    response = Response(_gray(found, path, side, quality), content_type="image/jpeg")
    response.cache_control.max_age = _DAY
    return _with_tag(response)


@cache
def _gray(sample: Sample, path: Path, side: int, quality: int) -> bytes:
    photo = read_photo(path, name=sample.name)
    return encode_preview(photo.gray, side, quality)
