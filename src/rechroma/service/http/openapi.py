"""What the OpenAPI document and its page need beside what the routes say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import swagger_ui_bundle
from flask import Response, send_from_directory

from rechroma.service.http.media_types import MEDIA_TYPES
from rechroma.service.problems import PROBLEM_TYPE
from rechroma.service.schemas import DirectBody, JobBody, Problem
from rechroma.service.security import OPEN_ROUTES

if TYPE_CHECKING:
    from apiflask import APIFlask
    from pydantic import BaseModel

_ASSETS = "/docs/assets"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ALWAYS = (400, 403)  # a host name or a page of another site that is not answered
_DIRECT = (413, 415, 429, 503)
_ERRORS = {
    "/v1/colorize": (406, *_DIRECT),
    "/v1/chroma": _DIRECT,
    "/v1/suggestions": _DIRECT,
    "/v1/jobs": (413, 422, 429, 503, 507),
    "/v1/jobs/{job_id}": (404, 503),
    "/v1/jobs/{job_id}/result": (404, 409, 410, 503, 507),
    "/v1/jobs/{job_id}/events": (404, 503),
    "/readyz": (503,),
}


def describe(app: APIFlask, *, with_keys: bool) -> None:
    """Complete the document of an app, and give its page what it needs: nothing from outside."""
    app.config.update(
        INFO={"description": "Gives black-and-white photographs plausible color."},
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        DOCS_FAVICON="data:,",
        SWAGGER_UI_CSS=f"{_ASSETS}/swagger-ui.css",
        SWAGGER_UI_BUNDLE_JS=f"{_ASSETS}/swagger-ui-bundle.js",
        SWAGGER_UI_STANDALONE_PRESET_JS=f"{_ASSETS}/swagger-ui-standalone-preset.js",
    )

    @app.get(f"{_ASSETS}/<path:name>")
    @app.doc(hide=True)
    def assets(name: str) -> Response:
        return send_from_directory(Path(swagger_ui_bundle.swagger_ui_path), name)

    @app.spec_processor
    def complete(spec: Any) -> Any:  # noqa: ANN401 - as APIFlask has it
        return _completed(spec, with_keys=with_keys)


def _completed(spec: dict[str, Any], *, with_keys: bool) -> dict[str, Any]:
    paths = spec["paths"]
    schemas = spec["components"]["schemas"]
    for name in ("HTTPError", "ValidationError"):  # APIFlask's own, which are never sent
        schemas.pop(name, None)
    for model in (Problem, DirectBody, JobBody):
        schemas |= _schemas_of(model)
    colorize, submit = paths["/v1/colorize"]["post"], paths["/v1/jobs"]["post"]
    one = {"type": "string", "format": "binary"}
    for path in ("/v1/colorize", "/v1/chroma", "/v1/suggestions"):
        paths[path]["post"]["requestBody"] = _body("DirectBody", "picture", one)
    many = {"type": "array", "items": {"type": "string", "format": "binary"}}
    submit["requestBody"] = _body("JobBody", "pictures", many)
    submit["parameters"].append(_REPEAT_KEY)
    pictures = {"image/*": _BINARY}
    colorize["responses"]["200"]["content"] = pictures
    result = paths["/v1/jobs/{job_id}/result"]["get"]
    result["responses"]["200"]["content"] = pictures | {"application/zip": _BINARY}
    events = paths["/v1/jobs/{job_id}/events"]["get"]
    events["responses"]["200"]["content"] = {"text/event-stream": {"schema": _EVENT}}
    _add_errors(paths, with_keys=with_keys)
    if with_keys:
        spec["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        spec["security"] = [{"key": []}]
    return spec


_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "description": "The state of the job, or `problem`."},
        "data": {"type": "string", "description": "The job, or the problem, as JSON."},
    },
}
_REPEAT_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _body(json_name: str, field: str, schema: dict[str, Any]) -> dict[str, Any]:
    form = {field: schema, "hints": {"type": "string", "description": "JSON, as for --hints."}}
    content: dict[str, Any] = {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": form, "required": [field]}
        },
        "application/json": {"schema": {"$ref": f"#/components/schemas/{json_name}"}},
        "application/octet-stream": _BINARY,
    }
    return {"required": True, "content": content | dict.fromkeys(MEDIA_TYPES.values(), _BINARY)}


def _add_errors(paths: dict[str, Any], *, with_keys: bool) -> None:
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in paths.items():
        needs_key = with_keys and path not in OPEN_ROUTES
        codes = {*_ALWAYS, *_ERRORS.get(path, ()), *((401,) if needs_key else ())}
        for operation in methods.values():
            if with_keys and not needs_key:
                operation["security"] = []
            responses = operation.get("responses", {})
            for code in sorted(codes):
                described = responses.get(str(code), {"description": "A problem."})
                responses[str(code)] = described | {"content": content}
            if "422" in responses:
                responses["422"] |= {"content": content}
