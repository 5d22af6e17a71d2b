"""What the clients of a capacity run do; `run.py` starts Locust with it.

The environment says what: `CAPACITY_PICTURE`, a file; `CAPACITY_BATCH`, pictures of a job, 0 for
pictures at once; `CAPACITY_REST`, for how many seconds each client rests between them on average.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from locust import FastHttpUser, task

PICTURE = Path(os.environ["CAPACITY_PICTURE"]).read_bytes()
BATCH = int(os.environ["CAPACITY_BATCH"])
REST = float(os.environ["CAPACITY_REST"])
LOOK_AGAIN = 0.1  # seconds


class Client(FastHttpUser):
    """Sends pictures one after another, or at chance times, as strangers do."""

    def wait_time(self) -> float:
        """Seconds to the next picture."""
        return random.expovariate(1 / REST) if REST else 0.0

    def on_start(self) -> None:
        """Not all at once."""
        time.sleep(self.wait_time())

    @task
    def color(self) -> None:
        """A picture at once, or a job of many."""
        if BATCH:
            self._job()
        else:
            self.client.post("/v1/colorize", PICTURE, name="picture")

    def _job(self) -> None:
        """From sending a job to having its result, told to Locust as one request."""
        began = time.perf_counter()
        files = [("pictures", (f"{number}.jpg", PICTURE)) for number in range(BATCH)]
        job = self.client.post("/v1/jobs", files=files, name="submit").json()
        while job["state"] in ("queued", "running"):
            time.sleep(LOOK_AGAIN)
            job = self.client.get(job["links"]["self"], name="look").json()
        answer = self.client.get(job["links"]["result"], name="result")
        failed = job["done"] < BATCH or not answer.ok
        self.environment.events.request.fire(
            request_type="JOB",
            name="job",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(answer.content or b""),
            exception=RuntimeError(f"the job: {job}") if failed else None,
        )
