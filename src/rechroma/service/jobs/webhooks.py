"""Signed webhooks that notify a client of the end of its job, with retries.

The headers and the signature follow Standard Webhooks (standardwebhooks.com, 2023), so that any of
its libraries can verify them. The signing secret is the SHA-256 of the API key, which only the
client and the service know.
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
from rechroma.safe_http import (
    SafeHttpClient,
    TransientFetchError,
    is_public,
    parse_ip_literal,
    split_url,
)
from rechroma.service.jobs import JobState
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.security import owner_of

if TYPE_CHECKING:
    from rechroma.service.jobs import JobRecord, JobStore, WebhookDelivery
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

_log = logging.getLogger(__name__)
_POLL_INTERVAL = 1.0  # seconds
_TIMEOUT = 10.0  # of a request
_LEASE = 60.0  # seconds until another server retries a delivery if this one dies
_MAX_BYTES = 65_536  # of a response
_RETRY_DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)  # seconds after each failed attempt
_GONE = 410  # the receiver asks for no more deliveries


class WebhookSender:
    """A thread that delivers webhooks.

    Args:
        store: The due webhooks.
        settings: The settings of the service.
        telemetry: Counts deliveries.
    """

    def __init__(self, store: JobStore, settings: Settings, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry
        anywhere = (lambda _: True) if settings.private_webhooks else None
        self._web = SafeHttpClient(_TIMEOUT, _MAX_BYTES, is_allowed=anywhere)
        self._keys = {owner_of(key): key for key in settings.keys}
        self._stopping = threading.Event()
        self._thread = PeriodicThread(
            self._deliver_due, _POLL_INTERVAL, "webhooks are not delivered"
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; undelivered webhooks are retried after the next start."""
        self._stopping.set()
        self._web.stop()
        self._thread.stop()

    def _deliver_due(self) -> None:
        while not self._stopping.is_set():
            delivery = self._store.lease_webhook(_LEASE)
            if delivery is None:
                return
            self._deliver(delivery)

    def _deliver(self, delivery: WebhookDelivery) -> None:
        delivered = self._send(delivery)
        if self._stopping.is_set() and not delivered:
            return  # perhaps only because of the shutdown; due again when its lease expires
        self._telemetry.count_webhook(delivered=bool(delivered))
        delays = (
            _RETRY_DELAYS[delivery.attempt - 1 : delivery.attempt] if delivered is False else ()
        )
        self._store.reschedule_webhook(delivery.job.id, delays[0] if delays else None)
        if not delivered and not delays:
            host = urlsplit(delivery.url).hostname  # the rest may contain a secret
            _log.warning("job %s: the webhook could not be delivered to %s", delivery.job.id, host)

    def _send(self, delivery: WebhookDelivery) -> bool | None:
        """Return whether the delivery succeeded; None if a retry is pointless."""
        body = _body(delivery.job)
        key = self._keys.get(delivery.job.owner)
        if key is None:
            return False  # no longer in the settings, perhaps by mistake
        job_id, seconds = delivery.job.id, int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": job_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": sign(job_id, seconds, body, key),
        }
        try:
            response = self._web.request(delivery.url, body, headers)
        except TransientFetchError:
            return False
        except FetchError:
            return None  # such as a private address
        return None if response.status == _GONE else 200 <= response.status < 300


def check_webhook_url(url: str | None, owner: str, *, private: bool) -> None:
    """Reject a webhook URL that can never be called, or not with a signature.

    Args:
        url: The URL; None for no webhook.
        owner: The hash of the client's API key, or "" without keys.
        private: Whether private addresses are allowed. Host names are resolved only on delivery.

    Raises:
        OptionError: Not an http(s) URL, a private address, or no key to sign with.
    """
    if url is None:
        return
    try:
        address = parse_ip_literal(split_url(url).hostname or "")
    except FetchError as error:
        raise OptionError(f"webhook: {error.message}") from error
    if address and not (private or is_public(address)):
        raise OptionError(f"webhook: {address} is not a public address")
    if not owner:
        raise OptionError("webhook: webhooks are signed with an API key, and there are none")


def sign(job_id: str, seconds: int, body: bytes, key: str) -> str:
    """Sign a webhook by the scheme of Standard Webhooks.

    Args:
        job_id: The id of the message.
        seconds: Time of sending, since the epoch.
        body: The complete body.
        key: The SHA-256 of the API key, in hexadecimal.
    """
    signed = f"{job_id}.{seconds}.".encode() + body
    digest = hmac.digest(bytes.fromhex(key), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _body(job: JobRecord) -> bytes:
    counts = job.counts
    state = JobState.DONE if counts[JobState.DONE] else JobState.FAILED
    payload: dict[str, Any] = {
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
    return json.dumps(payload).encode()
