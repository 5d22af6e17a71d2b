"""API keys, host names, origins, rate limits, security headers and settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rechroma.errors import OptionError
from rechroma.service import Settings, new_key, read_settings
from rechroma.service.settings import warn_of_unknown_variables
from tests.api.conftest import MakeApp
from tests.support.service import assert_problem, form, photo_file


@pytest.fixture
def keys() -> list[tuple[str, str]]:
    return [new_key(), new_key()]


@pytest.fixture
def guarded(make_app: MakeApp, keys: list[tuple[str, str]]) -> FlaskClient:
    return make_app(keys=",".join(hashed for _, hashed in keys)).test_client()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "wrong"}, bearer("wrong"), bearer(""), bearer("ü")]
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/jobs/unknown", "/metrics", "/nothing"])
def test_requests_without_a_valid_key_are_rejected(
    guarded: FlaskClient, headers: dict[str, str], path: str
) -> None:
    answer = guarded.get(path, headers=headers)
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_hash_of_a_key_is_rejected(guarded: FlaskClient, keys: list[tuple[str, str]]) -> None:
    assert_problem(guarded.get("/v1/models", headers=bearer(keys[0][1])), 401)


def test_valid_key_is_accepted(guarded: FlaskClient, keys: list[tuple[str, str]]) -> None:
    for key, _ in keys:
        assert guarded.get("/v1/models", headers=bearer(key)).status_code == 200
        answer = guarded.post("/v1/colorize", data=photo_file(), headers={"X-API-Key": key})
        assert answer.status_code == 200
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert guarded.get(path).status_code == 200


def test_jobs_are_only_visible_to_their_key(
    guarded: FlaskClient, keys: list[tuple[str, str]]
) -> None:
    mine, other = (bearer(key) for key, _ in keys)
    again = {"Idempotency-Key": "same"}
    url = guarded.post("/v1/jobs", **form(photo_file()), headers=mine | again).headers["Location"]
    for path in ("", "/result", "/events"):
        assert_problem(guarded.get(url + path, headers=other), 404)
    assert_problem(guarded.delete(url, headers=other), 404)
    theirs = guarded.post("/v1/jobs", **form(photo_file()), headers=other | again)
    assert theirs.headers["Location"] != url
    assert guarded.get(url, headers=mine).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/colorize", "/nothing", "/docs"])
def test_responses_have_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def ask_as(client: FlaskClient, host: str) -> TestResponse:
    return client.get("/v1/models", headers={"Host": host})


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "127.0.0.2", "[::1]", "[::1]:8000"]
)
def test_local_host_names_are_accepted(client: FlaskClient, host: str) -> None:
    assert ask_as(client, host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil", "[", "[::1", "a b", ""]
)
def test_foreign_host_names_are_rejected_without_keys(client: FlaskClient, host: str) -> None:
    assert_problem(ask_as(client, host), 400)


def test_configured_host_names_are_accepted(make_app: MakeApp) -> None:
    named = make_app(hosts="color.example").test_client()
    assert ask_as(named, "color.example:443").status_code == 200
    assert_problem(ask_as(named, "localhost"), 400)
    keyed = make_app(keys=new_key()[1]).test_client()
    assert keyed.get("/healthz", headers={"Host": "color.example"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil", ":", "http://["]
)
def test_pages_of_other_sites_are_rejected(make_app: MakeApp, origin: str) -> None:
    client = make_app(origins="https://photos.example").test_client()
    answer = client.post("/v1/jobs", **form(photo_file()), headers={"Origin": origin})
    assert_problem(answer, 403)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_of_configured_origins_are_accepted(make_app: MakeApp) -> None:
    client = make_app(origins="https://photos.example", keys=new_key()[1]).test_client()
    origin = {"Origin": "https://photos.example"}
    asked = client.options("/v1/jobs", headers=origin | {"Access-Control-Request-Method": "POST"})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://photos.example"
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    refused = client.post("/v1/jobs", headers=origin)
    assert_problem(refused, 401)
    assert refused.headers["Access-Control-Allow-Origin"] == "https://photos.example"
    assert refused.headers["Vary"] == "Origin"
    same = client.get("/healthz", headers={"Origin": "http://localhost"})
    assert same.status_code == 200
    assert "Access-Control-Allow-Origin" not in same.headers


def test_rate_limit_applies_to_each_key(make_app: MakeApp, keys: list[tuple[str, str]]) -> None:
    client = make_app(rate="2/hour", keys=[hashed for _, hashed in keys]).test_client()
    mine, other = (bearer(key) for key, _ in keys)
    for _ in range(2):
        assert client.post("/v1/colorize", data=photo_file(), headers=mine).status_code == 200
    refused = client.post("/v1/colorize", data=photo_file(), headers=mine)
    problem = assert_problem(refused, 429)
    assert problem == {
        "type": "urn:rechroma:rate-limit",
        "title": "There were more requests than the service allows in a time",
        "status": 429,
        "detail": "the limit of 2 per 1 hour is used up",
        "hint": "Try again after the seconds that the header Retry-After gives.",
    }
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert_problem(client.post("/v1/jobs", data=photo_file(), headers=mine), 429)
    assert client.get("/v1/models", headers=mine).status_code == 200
    assert client.post("/v1/colorize", data=photo_file(), headers=other).status_code == 200


def test_invalid_rate_is_rejected() -> None:
    with pytest.raises(OptionError, match="RECHROMA_RATE"):
        read_settings(rate="now and then")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_public_address_without_keys_is_refused(host: str) -> None:
    with pytest.raises(OptionError, match="no API keys"):
        Settings(host=host).check_address()
    Settings(host=host, keys=(new_key()[1],)).check_address()
    Settings(host=host, allow_no_keys=True).check_address()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "::1", "[::1]", "localhost"])
def test_loopback_address_without_keys_raises_nothing(host: str) -> None:
    Settings(host=host).check_address()


def test_plain_key_in_the_settings_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECHROMA_KEYS", "secret")
    with pytest.raises(OptionError, match=r"RECHROMA_KEYS: .*SHA-256") as caught:
        read_settings()
    assert "secret" not in caught.value.message


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new_key()[1], new_key()[1]
    monkeypatch.setenv("RECHROMA_KEYS", f"{first.upper()}, {second},")
    monkeypatch.setenv("RECHROMA_PORT", "99")
    settings = read_settings(port=None, workers=3)
    assert (settings.keys, settings.port, settings.workers) == ((first, second), 99, 3)
    with pytest.raises(OptionError, match="RECHROMA_WORKERS"):
        read_settings(workers=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("KEEP", value) for value in ("1e12", "inf", "nan", "0")),
        *(("WAIT", value) for value in ("1e10", "inf", "nan", "-1")),
        *(("SECONDS", value) for value in ("inf", "nan", "0")),
        *(("HOSTS", value) for value in ("https://a.example", "a.example:80")),
        *(("ORIGINS", value) for value in ("a.example", "https://a.example/page", "*")),
        *(("REDIS", value) for value in ("http://a.example", "redis://a.example:63x/0")),
    ],
)
def test_invalid_settings_name_their_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RECHROMA_{name}", value)
    with pytest.raises(OptionError, match=rf"^RECHROMA_{name}\b"):
        read_settings()


def test_unknown_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deploy = Path(__file__).parents[2] / "deploy"
    files = [path for path in deploy.rglob("*") if path.is_file()]
    others = {name for path in files for name in re.findall("RECHROMA_[A-Z_]+", path.read_text())}
    for name in ("RECHROMA_MODELS", "rechroma_log", *others):
        monkeypatch.setenv(name, "")
    warn_of_unknown_variables()
    assert not caplog.records
    monkeypatch.setenv("RECHROMA_WORKRES", "2")
    monkeypatch.setenv("RECHROMA_QZ", "2")
    warn_of_unknown_variables()
    far, near = (record.getMessage() for record in caplog.records)
    assert near == (
        "RECHROMA_WORKRES is not a setting and has no effect: did you mean RECHROMA_WORKERS?"
    )
    assert far.startswith("RECHROMA_QZ is not a setting and has no effect")


def test_hosts_and_origins_are_normalized() -> None:
    settings = read_settings(hosts="Color.Example", origins="https://Photos.Example/")
    assert settings.answers_to("color.example")
    assert settings.answers_to("COLOR.example")
    assert settings.origins == ("https://photos.example",)
