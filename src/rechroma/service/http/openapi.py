"""The OpenAPI document and its page: what APIFlask cannot derive from the routes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import flask_swagger_ui
from flask import Response, send_from_directory

from rechroma.imaging import FORMATS
from rechroma.service.http.api.images import media_type
from rechroma.service.problem_details import PROBLEM_TYPE
from rechroma.service.schemas import ImageBody, JobBody, Problem
from rechroma.service.security import OPEN_ROUTES

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask.json.provider import DefaultJSONProvider

_ASSETS = "/docs/assets"
_SCHEMAS = "#/components/schemas"
_MEDIA_TYPES = [media_type(name) for name in FORMATS]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ALWAYS = (400, 403)  # for unknown host names and pages of other sites
_IMAGE_ERRORS = (413, 415, 429, 503)
_ERRORS = {
    "/v1/colorize": (406, *_IMAGE_ERRORS),
    "/v1/chroma": _IMAGE_ERRORS,
    "/v1/suggestions": _IMAGE_ERRORS,
    "/v1/jobs": (401, 413, 422, 429, 503, 507),
    "/v1/jobs/{job_id}": (404, 503),
    "/v1/jobs/{job_id}/result": (404, 409, 410, 503, 507),
    "/v1/jobs/{job_id}/results/{name}": (404, 410, 503),
    "/v1/jobs/{job_id}/events": (404, 503),
    "/readyz": (503,),
}


def init_openapi(app: APIFlask, *, with_keys: bool) -> None:
    """Complete the document of an app, and serve its page without resources of other sites."""
    app.config.update(
        INFO={"description": "Colorizes black-and-white photographs."},
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        DOCS_FAVICON="data:,",
        SWAGGER_UI_CSS=f"{_ASSETS}/swagger-ui.css",
        SWAGGER_UI_BUNDLE_JS=f"{_ASSETS}/swagger-ui-bundle.js",
        SWAGGER_UI_STANDALONE_PRESET_JS=f"{_ASSETS}/swagger-ui-standalone-preset.js",
    )
    cast("DefaultJSONProvider", app.json).sort_keys = False  # the page shows forms first

    @app.get(f"{_ASSETS}/<path:name>")
    @app.doc(hide=True)
    def assets(name: str) -> Response:
        return send_from_directory(Path(flask_swagger_ui.__file__).parent / "dist", name)

    @app.spec_processor
    def complete(spec: Any) -> Any:  # noqa: ANN401 - as APIFlask has it
        spec = _merge_schemas(spec)
        paths = spec["paths"]
        schemas = spec["components"]["schemas"]
        for name in ("HTTPError", "ValidationError"):  # APIFlask's own, which are never sent
            schemas.pop(name, None)
        for model in (Problem, ImageBody, JobBody):
            schema = model.model_json_schema(ref_template=f"{_SCHEMAS}/{{model}}")
            schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
        colorize, submit = paths["/v1/colorize"]["post"], paths["/v1/jobs"]["post"]
        one = {"type": "string", "format": "binary"}
        for path in ("/v1/colorize", "/v1/chroma", "/v1/suggestions"):
            paths[path]["post"]["requestBody"] = _body("ImageBody", "image", one)
        many = {"type": "array", "items": {"type": "string", "format": "binary"}}
        submit["requestBody"] = _body("JobBody", "images", many)
        submit["parameters"].append(_IDEMPOTENCY_KEY)
        images = {"image/*": _BINARY}
        colorize["responses"]["200"]["content"] = images
        named = paths["/v1/jobs/{job_id}/results/{name}"]["get"]
        named["responses"]["200"]["content"] = images
        result = paths["/v1/jobs/{job_id}/result"]["get"]
        result["responses"]["200"]["content"] = images | {"application/zip": _BINARY}
        events = paths["/v1/jobs/{job_id}/events"]["get"]
        events["responses"]["200"]["content"] = {"text/event-stream": {"schema": _EVENT}}
        _add_errors(paths, with_keys=with_keys)
        if with_keys:
            spec["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            spec["security"] = [{"key": []}]
        return spec


def _merge_schemas(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Merge the copies of a schema that APIFlask makes for each schema that refers to it.

    It names them `JobView.Problem`, `JobsView.Problem` and so on.
    """
    if isinstance(value, list):
        return [_merge_schemas(each) for each in value]
    if not isinstance(value, dict):
        return value
    merged: dict[str, Any] = {}
    for name, each in value.items():
        if name == "$ref":
            merged[name] = f"{_SCHEMAS}/{each.removeprefix(_SCHEMAS + '/').rpartition('.')[2]}"
        else:
            merged[name] = _merge_schemas(each)
        if name == "schemas":
            merged[name] = {key.rpartition(".")[2]: kind for key, kind in merged[name].items()}
    return merged


_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "description": "State of the job, or `problem`."},
        "data": {"type": "string", "description": "The job, or the problem, as JSON."},
    },
}
_NO_HINTS = '{"format": 1, "hints": []}'
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _body(json_name: str, field: str, schema: dict[str, Any]) -> dict[str, Any]:
    hints = {"type": "string", "description": "Hints as JSON.", "examples": [_NO_HINTS]}
    form = {field: schema, "hints": hints}
    content: dict[str, Any] = {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": form, "required": [field]}
        },
        "application/json": {"schema": {"$ref": f"{_SCHEMAS}/{json_name}"}},
        "application/octet-stream": _BINARY,
    }
    return {"required": True, "content": content | dict.fromkeys(_MEDIA_TYPES, _BINARY)}


def _add_errors(paths: dict[str, Any], *, with_keys: bool) -> None:
    content = {PROBLEM_TYPE: {"schema": {"$ref": f"{_SCHEMAS}/Problem"}}}
    for path, methods in paths.items():
        needs_key = with_keys and path not in OPEN_ROUTES
        codes = {*_ALWAYS, *_ERRORS.get(path, ()), *((401,) if needs_key else ())}
        for operation in methods.values():
            if with_keys and not needs_key:
                operation["security"] = []
            responses = operation.get("responses", {})
            for code in sorted(codes):
                described = responses.get(str(code), {"description": "Problem details."})
                responses[str(code)] = described | {"content": content}
            if "422" in responses:
                responses["422"] |= {"content": content}
