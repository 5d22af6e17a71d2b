"""Tells those who asked for it that a job has ended, signed, again and again until it is heard.

The headers and the signature are those of Standard Webhooks (standardwebhooks.com, 2023): whoever
gets one can check it with any library for them. What it is signed with is the SHA-256 of the API
key, which only the client and the service hold.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rechroma.errors import FetchError, OptionError, RechromaError
from rechroma.net import PassingError, Web, split_url
from rechroma.service.jobs import State
from rechroma.service.security import owner_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.service.jobs import Callback, Job, Store
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds
_TIMEOUT = 10.0  # of a request
_LEASE = 60.0  # seconds after which another server may try, when this one has died over it
_MOST_BYTES = 65_536  # of an answer
_WAITS = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)  # seconds after each attempt that failed
_GONE = 410  # the receiver wants no more


class Callbacks:
    """A thread that tells the ends of jobs.

    Args:
        store: Knows who is to hear of what.
        settings: Of the service.
        telemetry: Counts.
    """

    def __init__(self, store: Store, settings: Settings, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry
        anywhere = (lambda _: True) if settings.private_callbacks else None
        self._web = Web(_TIMEOUT, _MOST_BYTES, is_allowed=anywhere)
        self._keys = {owner_of(key): key for key in settings.keys}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what was not heard is told after the next start."""
        self._stopping.set()
        self._web.stop()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                callback = self._store.take_callback(_LEASE)
            except RechromaError:
                _log.exception("the table of jobs was not asked for callbacks")
                callback = None
            if callback is None:
                self._stopping.wait(_LOOK_AGAIN)
            else:
                self._try(callback)

    def _try(self, callback: Callback) -> None:
        try:
            heard = self._is_heard(callback)
            if self._stopping.is_set() and not heard:
                return  # it may be for that alone; it is due again when its lease is over
            self._telemetry.count_callback(heard=bool(heard))
            wait = _WAITS[callback.attempt - 1 : callback.attempt] if heard is False else ()
            self._store.put_off_callback(callback.job.id, wait[0] if wait else None)
        except Exception:  # as above
            _log.exception("the end of a job was not told")

    def _is_heard(self, callback: Callback) -> bool | None:
        """Whether the receiver has heard; None if it never will."""
        body = _body(callback.job)
        key = self._keys.get(callback.job.owner)
        if key is None:
            return False  # taken out of the settings, for ever or by oversight
        try:
            answer = self._web.request(callback.url, body, _headers(callback.job.id, body, key))
        except PassingError:
            return False
        except FetchError:
            return None  # such as a private address, which stays one
        return None if answer.status == _GONE else 200 <= answer.status < 300


def check_callback(url: str | None, owner: str) -> None:
    """Refuse a callback that could never be heard, or not be trusted.

    Args:
        url: Who is to hear; None for nobody.
        owner: Whose request it is, "" where there are no keys.

    Raises:
        OptionError: It is no URL of the web, or there is no key to sign with.
    """
    if url is None:
        return
    try:
        split_url(url)
    except FetchError as error:
        raise OptionError(f"callback: {error.message}") from error
    if not owner:
        raise OptionError("callback: it is signed with an API key, and the service has none")


def signature(job_id: str, seconds: int, body: bytes, key: str) -> str:
    """The signature of a callback, as Standard Webhooks has it.

    Args:
        job_id: What the callback is known by.
        seconds: When it is sent, since the epoch.
        body: All of it.
        key: The SHA-256 of the API key, in hexadecimal digits.
    """
    signed = f"{job_id}.{seconds}.".encode() + body
    digest = hmac.digest(bytes.fromhex(key), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _headers(job_id: str, body: bytes, key: str) -> Mapping[str, str]:
    seconds = int(time.time())
    return {
        "Content-Type": "application/json",
        "webhook-id": job_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(job_id, seconds, body, key),
    }


def _body(job: Job) -> bytes:
    counts = job.counts
    state = State.DONE if counts[State.DONE] else State.FAILED
    told: dict[str, Any] = {
        "type": f"job.{state}",
        "timestamp": datetime.fromtimestamp(job.ended or 0.0, UTC).isoformat(),
        "data": {
            "id": job.id,
            "state": state,
            "total": len(job.pictures),
            "done": counts[State.DONE],
            "failed": counts[State.FAILED],
        },
    }
    return json.dumps(told).encode()
