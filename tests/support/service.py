"""The service for tests: as an app in this process, and as a process."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from rechroma.service.schemas import ResultInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

PATIENCE = 60.0  # seconds until a test fails
ENDED = {"done", "failed", "expired"}
RESULT_INFO = ResultInfo(format="PNG", was_color=False, pages=1)


def photo_file(
    size: tuple[int, int] = (48, 32),
    format: str = "PNG",  # noqa: A002 - Pillow's word for it
    *,
    mode: str = "L",
    level: int = 150,
) -> bytes:
    """Make an image file: a gray gradient, so that there is something to compress."""
    width, height = size
    pixels = np.linspace(level / 2, level, width * height).reshape(height, width)
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(file, format)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """Decode an image file."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


def has_color(data: bytes) -> bool:
    """Check whether the channels of an image file differ."""
    pixels = np.asarray(opened(data).convert("RGB")).astype(int)
    return bool(np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 5)


def form(*images: bytes | tuple[str, bytes], **fields: str) -> dict[str, Any]:
    """Make a client's arguments for a form with images."""
    named = [("photo.png", item) if isinstance(item, bytes) else item for item in images]
    files = [(BytesIO(data), name) for name, data in named]
    return {"data": {"image": files, **fields}, "content_type": "multipart/form-data"}


def wait_for_end(client: FlaskClient, url: str) -> dict[str, Any]:
    """Poll a job until it is finished, also while its store is down for a moment."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        answer = client.get(url)
        job: dict[str, Any] = answer.get_json()
        assert answer.status_code in (200, 503), job
        if job.get("state") in ENDED:
            return job
        time.sleep(0.02)
    raise AssertionError(f"{url} has not ended: {job}")


def figures(text: str) -> dict[str, float]:
    """Parse metrics, by name and the values of the labels: `a/one/two`."""
    samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
    return {"/".join((one.name, *one.labels.values())): one.value for one in samples}


def wait_until(fact: Callable[[], object], what: object = None) -> None:
    """Wait until a condition holds, up to a time limit."""
    limit = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < limit, what
        time.sleep(0.02)


def assert_problem(response: TestResponse, status: int) -> dict[str, Any]:
    """Check that a response is a problem document with this status, and return it."""
    assert response.status_code == status, response.get_data()
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.get_data())
    assert problem["status"] == status
    assert problem["title"]
    assert "/" not in problem.get("detail", "").replace("POST /v1/jobs", ""), problem
    assert "Traceback" not in str(problem)
    return problem


def _restore_sigint() -> None:
    """Undo that a shell ignores SIGINT for background commands and their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class Server:
    """`rechroma serve` as a process.

    Args:
        data: Folder for jobs.
        words: Further command-line arguments.
        environment: Further environment variables.
    """

    def __init__(self, data: Path, *words: str, **environment: str) -> None:
        command = [sys.executable, "-W", "error", "-m", "rechroma", "serve"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--data", str(data), *words],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_restore_sigint,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://([\d.]+):(\d+)", line)
        assert found, line + self.process.stderr.read()
        self.host, self.port = found[1], int(found[2])
        self.url = f"http://{self.host}:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
    ) -> Answer:
        """Send a request, chunked if its body is an iterable, and read the whole response."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def wait_for_end(self, url: str) -> dict[str, Any]:
        """Poll a job until it is finished, also while its store is down for a moment."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            job: dict[str, Any] = self.ask("GET", url).json
            if job["state"] in ENDED:
                return job
            time.sleep(0.05)
        raise AssertionError(f"{url} has not ended: {job}")

    def stop(self) -> str:
        """Stop it with SIGTERM, and return its standard error output."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=PATIENCE)
        return log

    def kill(self) -> None:
        """Kill it, as when memory runs out."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)
