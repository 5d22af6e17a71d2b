"""Redis over TLS (`rediss://`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import running_app
from tests.support.redis_and_worker import RedisServer, Worker, environment_of
from tests.support.service import assert_problem, form, photo_file, wait_for_end
from tests.support.tls import tls_before, write_certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def url(redis_server: RedisServer, tmp_path: Path) -> Iterator[str]:
    """The address of a Redis with a certificate of an unknown authority."""
    write_certificate(tmp_path / "tls.pem")
    plain = urlsplit(redis_server.url)
    assert plain.port
    with tls_before(plain.port, tmp_path / "tls.pem") as port:
        yield f"rediss://:{plain.password}@127.0.0.1:{port}/2"


def test_redis_over_tls_works(url: str, model: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "redis": f"{url}?ssl_ca_certs={tmp_path / 'tls.pem'}",
        "files": str(tmp_path / "files"),
        "model": model,
        "rate": "100/minute",
    }
    worker = Worker(tmp_path / "worker.log", "--workers", "1", **environment_of(settings))
    try:
        with running_app(data=tmp_path / "data", **settings) as app:
            client = app.test_client()
            job = client.post("/v1/jobs", **form(photo_file())).headers["Location"]
            assert wait_for_end(client, job)["state"] == "done"
        assert worker.stop() == 0
        assert worker.log.count("\n") == 1
    finally:
        worker.kill()


def test_redis_with_an_unknown_certificate_is_rejected(
    url: str, model: str, tmp_path: Path
) -> None:
    with running_app(data=tmp_path, redis=url, model=model) as app:
        assert_problem(app.test_client().post("/v1/jobs", **form(photo_file())), 503)
