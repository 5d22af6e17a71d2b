"""The Flask blueprint of the page: its static files, compressed once, and sample photographs."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, jsonify, request

from rechroma._version import __version__
from rechroma.web import page_data
from rechroma.web.samples import SAMPLES, sample_file

STATIC = Path(__file__).parent / "static"
ROUTES = {
    "/",
    "/static/<path:name>",
    "/about",
    "/model-card",
    "/sliders",
    "/samples",
    "/samples/<name>.jpg",
    "/samples/small/<name>.jpg",
}
"""The routes that need no API key: the page asks for one itself."""
CARD = "RECHROMA_MODEL_CARD"
"""The key of the default model's card in the configuration of the app."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {  # not from `mimetypes`, which depends on the system; browsers are told not to sniff
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
    """Serve the page."""
    response = _file_response("index.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@page.get("/static/<path:name>")
def static(name: str) -> Response:
    """Serve a static file, which browsers revalidate on each load."""
    return _file_response(name)


@page.get("/about")
def about() -> Response:
    """Return the version."""
    return jsonify(version=__version__)


@page.get("/model-card")
def model_card() -> Response:
    """Serve the card of the default model, without its color bins, which nobody reads."""
    fields = page_data.card_for_reading(current_app.config[CARD])
    text = json.dumps(fields, indent=2, ensure_ascii=False)
    return Response(f"{text}\n", content_type="application/json")


@page.get("/sliders")
def sliders() -> Response:
    """List the name, range, step and default of each adjustment."""
    return jsonify(page_data.sliders())


@page.get("/samples")
def samples() -> Response:
    """List the names of the available samples."""
    return jsonify([sample.name for sample in SAMPLES if sample_file(sample)])


@page.get("/samples/<name>.jpg")
def sample(name: str) -> Response:
    """Serve a sample in gray."""
    return _sample_response(name, *page_data.LARGE_SAMPLE)


@page.get("/samples/small/<name>.jpg")
def small_sample(name: str) -> Response:
    """Serve a thumbnail of a sample in gray."""
    return _sample_response(name, *page_data.SMALL_SAMPLE)


def _file_response(name: str) -> Response:
    path = _files().get(name)
    if path is None:
        abort(404)
    compress = request.accept_encodings["gzip"] > 0
    response = Response(_content(path, compress=compress), content_type=_TYPES[path.suffix])
    response.vary.add("Accept-Encoding")
    if compress:
        response.content_encoding = "gzip"
    response.cache_control.no_cache = True
    return _with_etag(response)


@cache
def _files() -> dict[str, Path]:
    """Map the paths below `static/` to files; nothing else is ever served."""
    paths = (path for path in STATIC.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(STATIC).as_posix(): path for path in paths}


@cache
def _content(path: Path, *, compress: bool) -> bytes:
    content = path.read_bytes()
    return gzip.compress(content, mtime=0) if compress else content


def _with_etag(response: Response) -> Response:
    """Add an ETag, and answer 304 if the browser has the same version."""
    response.add_etag()
    response.make_conditional(request)
    return response


def _sample_response(name: str, side: int, quality: int) -> Response:
    path = next((sample_file(sample) for sample in SAMPLES if sample.name == name), None)
    if path is None:
        abort(404)
    response = Response(page_data.gray_sample(path, side, quality), content_type="image/jpeg")
    response.cache_control.max_age = _DAY
    return _with_etag(response)
