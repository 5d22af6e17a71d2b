"""The OpenAPI document against the service: Schemathesis sends valid and invalid requests.

The requests are the same in every run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from rechroma.service import new_key
from tests.api.conftest import StartServer
from tests.support.service import Server, photo_file

EXAMPLES = 40
load_all_checks()


def operations(server: Server) -> list[Any]:
    """List the operations of a server's OpenAPI document."""
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    return [cast("Any", found).ok() for found in document.get_all_operations()]


def examples_of(operation: Any, mode: GenerationMode) -> list[Any]:
    """Generate cases for an operation with Schemathesis."""
    made: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def make(case: Any) -> None:
        made.append(case)

    with suppress(Unsatisfiable):  # there is nothing to get wrong in a request without parts
        make()
    return made


def variants(case: Any, server: Server) -> Iterator[Any]:
    """Yield the case, and variants with a real job and a real image."""
    yield case
    if "job_id" in case.path_parameters:
        real = {"job_id": new_job(server), "name": "image.color.png"}
        named = {name: real[name] for name in case.path_parameters}
        yield case.operation.Case(path_parameters=named)
    if case.operation.body:
        adjustments = {name: value for name, value in case.query.items() if name != "model"}
        yield case.operation.Case(query=adjustments, body=photo_file(), media_type="image/png")


def new_job(server: Server) -> str:
    """Return the id of a job that has ended."""
    answer = server.ask("POST", "/v1/jobs", photo_file())
    return str(server.wait_for_end(answer.headers["Location"])["id"])


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_responses_match_the_openapi_document(
    start_server: StartServer, mode: GenerationMode
) -> None:
    server = start_server("--workers", "1")
    for operation in operations(server):
        statuses = set()
        for case in examples_of(operation, mode):
            for variant in variants(case, server):
                # Bytes that are not an image satisfy the schema, but are rejected.
                answer = variant.call_and_validate(excluded_checks=[positive_data_acceptance])
                statuses.add(answer.status_code)
        if operation.label == "GET /v1/jobs":  # there are no API keys
            assert statuses <= {401, 422}
            continue
        assert mode is GenerationMode.NEGATIVE or min(statuses) < 300, operation.label
    assert "Traceback" not in server.stop()


def test_document_declares_which_routes_need_a_key(start_server: StartServer) -> None:
    key, hashed = new_key()
    server = start_server(RECHROMA_KEYS=hashed)
    for operation in operations(server):
        needs_key = operation.path.startswith("/v1/") or operation.path == "/metrics"
        unknown = dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "unknown")
        bare = operation.Case(path_parameters=unknown)
        if operation.body:
            bare.body, bare.media_type = b"no image", "image/png"
        unheard = bare.call_and_validate(
            checks=[status_code_conformance, response_schema_conformance]
        )
        assert (unheard.status_code == 401) is needs_key, operation.label
        heard = bare.call(headers={"Authorization": f"Bearer {key}"})
        assert heard.status_code != 401, operation.label
        assert ("security" in operation.definition.raw) is not needs_key


def test_each_schema_is_listed_once(start_server: StartServer) -> None:
    server = start_server()
    document = json.loads(server.ask("GET", "/openapi.json").body)
    names = list(document["components"]["schemas"])
    assert not [name for name in names if "." in name]
    assert {"Damage", "Problem", "JobView", "ImageView"} <= set(names)
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(names)
