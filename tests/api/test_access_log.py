"""The log of requests, and its levels."""

from __future__ import annotations

import logging
import re

import pytest

from rechroma.service import new_key
from rechroma.service.inference.predictor import Predictor
from tests.api.conftest import MakeApp, StartServer
from tests.support.service import photo_file

NAME = "rechroma.service.access_log"


def test_each_request_has_a_line_with_its_level(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    key, hashed = new_key()
    client = make_app(keys=hashed, queue=1).test_client()
    headers = {"Authorization": f"Bearer {key}"}
    with caplog.at_level(logging.DEBUG, logger=NAME):
        client.get("/healthz")
        client.post("/v1/colorize?model=secret", data=photo_file(), headers=headers)
        client.get("/v1/jobs/no%0Aline", headers=headers)
        client.get("/v1/models")
    lines = [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name == NAME
    ]
    assert [level for level, _ in lines] == ["DEBUG", "INFO", "INFO", "INFO"]
    _, colorize, unknown, refused = (text for _, text in lines)
    assert re.fullmatch(
        r"POST /v1/colorize 422 \d+\.\d{3} s from 127\.0\.0\.1 key [0-9a-f]{8}", colorize
    )
    assert unknown.startswith("GET /v1/jobs/no%0Aline 404 ")
    assert refused.startswith("GET /v1/models 401 ")
    assert refused.endswith(" key -")
    assert key not in str(lines)
    assert hashed not in str(lines)


def test_errors_of_the_server_are_warnings_but_an_overload_is_none(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", NAME)
    app = make_app(wait=0, workers=1)
    with app.extensions["rechroma"].pool.acquire(None):
        assert app.test_client().post("/v1/colorize", data=photo_file()).status_code == 503
    monkeypatch.setattr(Predictor, "colorize", None)
    assert app.test_client().post("/v1/colorize", data=photo_file()).status_code == 500
    levels = [each.levelname for each in caplog.records if each.name == NAME]
    assert levels == ["INFO", "WARNING"]


@pytest.mark.parametrize(("level", "is_logged"), [("info", True), ("warning", False)])
def test_the_level_is_a_setting(start_server: StartServer, level: str, is_logged: bool) -> None:
    server = start_server(RECHROMA_LOG=level)
    server.ask("GET", "/v1/models")
    log = server.stop()
    assert (f" INFO {NAME}: GET /v1/models 200 " in log) == is_logged
