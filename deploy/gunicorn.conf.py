"""How gunicorn serves Rechroma: one process with threads, set by the same `RECHROMA_` variables.

More processes would each hold the model; more workers for jobs do more good.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def _number(name: str, usual: str) -> int:
    text = os.environ.get(name, usual)
    if not text.isdecimal():
        sys.exit(f"rechroma: error: {name}: {text!r} is not a whole number")
    return int(text)


# The settings' own module loads libraries with threads, which a fork would break.
bind = f"{os.environ.get('RECHROMA_HOST', '127.0.0.1')}:{_number('RECHROMA_PORT', '8000')}"
threads = max(1, _number("RECHROMA_THREADS", "32"))  # the app says how many there may be
workers = 1
worker_class = "gthread"
backlog = 512
timeout = 60  # seconds without a sign of life; answers may take longer, for threads give them
graceful_timeout = 60  # for requests and pictures in hand after SIGTERM
keepalive = 75  # longer than nginx keeps its connections, so that none is closed under a request

# Only RECHROMA_PROXIES says whom to believe: these are gunicorn's own ways to do so.
forwarded_allow_ips = ""
forwarder_headers = ""

# Nothing is written to a root file system that may be read-only.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Let event streams end when the worker is told to, for else it would wait for them."""
    from rechroma.service import service_of

    closing = service_of(worker.wsgi).closing
    usual = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:  # noqa: ANN401
        closing.set()
        if callable(usual):
            usual(number, frame)

    signal.signal(signal.SIGTERM, stop)
