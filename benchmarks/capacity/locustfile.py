"""Clients of the capacity benchmark; `run.py` starts Locust with this file.

Environment variables: `CAPACITY_IMAGE`, a file; `CAPACITY_BATCH`, images of a job, 0 for direct
requests; `CAPACITY_REST`, the mean pause of a client in seconds.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from locust import FastHttpUser, task

IMAGE = Path(os.environ["CAPACITY_IMAGE"]).read_bytes()
BATCH = int(os.environ["CAPACITY_BATCH"])
REST = float(os.environ["CAPACITY_REST"])
POLL_INTERVAL = 0.1  # seconds


class Client(FastHttpUser):
    """A client that sends images one after another, or at random times."""

    def wait_time(self) -> float:
        """Return the pause before the next image in seconds."""
        return random.expovariate(1 / REST) if REST else 0.0

    def on_start(self) -> None:
        """Start the clients at different times."""
        time.sleep(self.wait_time())

    @task
    def color(self) -> None:
        """Send an image, or a job of several."""
        if BATCH:
            self._job()
        else:
            self.client.post("/v1/colorize", IMAGE, name="image")

    def _job(self) -> None:
        """Run a job, and report the time from submission to result as one request."""
        began = time.perf_counter()
        files = [("images", (f"{number}.jpg", IMAGE)) for number in range(BATCH)]
        job = self.client.post("/v1/jobs", files=files, name="submit").json()
        while job["state"] in ("queued", "running"):
            time.sleep(POLL_INTERVAL)
            job = self.client.get(job["links"]["self"], name="poll").json()
        answer = self.client.get(job["links"]["result"], name="result")
        failed = job["done"] < BATCH or not answer.ok
        self.environment.events.request.fire(
            request_type="JOB",
            name="job",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(answer.content or b""),
            exception=RuntimeError(f"the job: {job}") if failed else None,
        )
