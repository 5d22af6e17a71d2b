"""Configuration of gunicorn: one process with threads, with the settings of the service.

Further processes would each need their own inference workers; `rechroma worker` scales better.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def _int_setting(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if not text.isdecimal():
        sys.exit(f"rechroma: error: {name}: {text!r} is not a whole number")
    return int(text)


# rechroma.service.settings is not imported: it loads libraries with threads, which a fork breaks.
bind = f"{os.environ.get('RECHROMA_HOST', '127.0.0.1')}:{_int_setting('RECHROMA_PORT', '8000')}"
threads = max(1, _int_setting("RECHROMA_THREADS", "32"))  # the app checks the range
workers = 1
worker_class = "gthread"
backlog = 512
timeout = 60  # seconds without a heartbeat of the process; responses of its threads can take longer
graceful_timeout = 60  # for requests and images in progress after SIGTERM
keepalive = 75  # longer than that of nginx, so that no connection is closed during a request

# Only RECHROMA_PROXIES decides which proxies are trusted.
forwarded_allow_ips = ""
forwarder_headers = ""

# The root file system can be read-only.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """End the event streams on SIGTERM, which gunicorn would wait for otherwise."""
    from rechroma.service import service_of

    closing = service_of(worker.wsgi).closing
    default = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:  # noqa: ANN401
        closing.set()
        if callable(default):
            default(number, frame)

    signal.signal(signal.SIGTERM, stop)
