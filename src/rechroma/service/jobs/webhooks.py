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
from urllib.parse import urlsplit

from rechroma.errors import FetchError, OptionError
from rechroma.safe_http import TransientFetchError, Web, is_public, spelt_address, split_url
from rechroma.service.jobs import JobState
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.security import owner_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.service.jobs import JobRecord, JobStore, WebhookDelivery
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds
_TIMEOUT = 10.0  # of a request
_LEASE = 60.0  # seconds after which another server may try, when this one has died over it
_MAX_BYTES = 65_536  # of an answer
_WAITS = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)  # seconds after each attempt that failed
_GONE = 410  # the receiver wants no more


class WebhookSender:
    """A thread that tells the ends of jobs.

    Args:
        store: Knows who is to hear of what.
        settings: Of the service.
        telemetry: Counts.
    """

    def __init__(self, store: JobStore, settings: Settings, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry
        anywhere = (lambda _: True) if settings.private_callbacks else None
        self._web = Web(_TIMEOUT, _MAX_BYTES, is_allowed=anywhere)
        self._keys = {owner_of(key): key for key in settings.keys}
        self._stopping = threading.Event()
        self._rounds = PeriodicThread(self._tell_all, _LOOK_AGAIN, "ends of jobs are not told")

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    def stop(self) -> None:
        """End; what was not heard is told after the next start."""
        self._stopping.set()
        self._web.stop()
        self._rounds.stop()

    def _tell_all(self) -> None:
        while not self._stopping.is_set():
            callback = self._store.lease_webhook(_LEASE)
            if callback is None:
                return
            self._try(callback)

    def _try(self, callback: WebhookDelivery) -> None:
        heard = self._is_heard(callback)
        if self._stopping.is_set() and not heard:
            return  # it may be for that alone; it is due again when its lease is over
        self._telemetry.count_callback(heard=bool(heard))
        waits = _WAITS[callback.attempt - 1 : callback.attempt] if heard is False else ()
        self._store.reschedule_webhook(callback.job.id, waits[0] if waits else None)
        if not heard and not waits:
            host = urlsplit(callback.url).hostname  # the rest of it may hold a secret
            _log.warning("job %s: its end could not be told to %s", callback.job.id, host)

    def _is_heard(self, callback: WebhookDelivery) -> bool | None:
        """Whether the receiver has heard; None if it never will."""
        body = _body(callback.job)
        key = self._keys.get(callback.job.owner)
        if key is None:
            return False  # taken out of the settings, for ever or by oversight
        try:
            answer = self._web.request(callback.url, body, _headers(callback.job.id, body, key))
        except TransientFetchError:
            return False
        except FetchError:
            return None  # such as a private address, which stays one
        return None if answer.status == _GONE else 200 <= answer.status < 300


def check_callback(url: str | None, owner: str, *, private: bool) -> None:
    """Refuse a callback that could never be heard, or not be trusted.

    Args:
        url: Who is to hear; None for nobody.
        owner: Whose request it is, "" where there are no keys.
        private: Whether private addresses may hear. What a name leads to is seen only later.

    Raises:
        OptionError: It is no URL of the web, a private address, or there is no key to sign with.
    """
    if url is None:
        return
    try:
        address = spelt_address(split_url(url).hostname or "")
    except FetchError as error:
        raise OptionError(f"callback: {error.message}") from error
    if address and not (private or is_public(address)):
        raise OptionError(f"callback: {address} is not a public address")
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


def _body(job: JobRecord) -> bytes:
    counts = job.counts
    state = JobState.DONE if counts[JobState.DONE] else JobState.FAILED
    told: dict[str, Any] = {
        "type": f"job.{state}",
        "timestamp": datetime.fromtimestamp(job.ended or 0.0, UTC).isoformat(),
        "data": {
            "id": job.id,
            "state": state,
            "total": len(job.images),
            "done": counts[JobState.DONE],
            "failed": counts[JobState.FAILED],
        },
    }
    return json.dumps(told).encode()
