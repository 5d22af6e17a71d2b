"""Webhooks report the end of a job."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from rechroma.service import new_key, service_of
from rechroma.service.errors import StoreError
from rechroma.service.jobs import webhooks
from tests.api.conftest import MakeApp, both
from tests.support.local_http_server import Handler, Host, Request, serving
from tests.support.service import PATIENCE, assert_problem, figures, form, photo_file, wait_until

URL = "/v1/jobs"
Caplog = pytest.LogCaptureFixture


class Receiver:
    """Records requests, and responds with one status after another."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.news = threading.Event()

    def __call__(self, request: Request) -> None:
        self.got.append(
            ({name.lower(): value for name, value in request.headers.items()}, request.body)
        )
        request.answer(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        self.news.set()


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def key() -> tuple[str, str]:
    """A key and its hash."""
    return new_key()


@pytest.fixture
def client(make_app: MakeApp, key: tuple[str, str]) -> FlaskClient:
    return client_of(make_app, key, private_webhooks=True)


def client_of(make_app: MakeApp, key: tuple[str, str], **settings: Any) -> FlaskClient:
    client = make_app(keys=(key[1],), **settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key[0]}"
    return client


def submit(client: FlaskClient, host: Host, *images: bytes) -> str:
    answer = client.post(URL, **form(*images), query_string={"webhook": host.url("/webhook")})
    assert answer.status_code == 202, answer.get_data()
    return str(answer.get_json()["id"])


def check_signature(receiver: Receiver, job_id: str, key: str) -> None:
    """Verify a signature as Standard Webhooks specifies it, with the client's key."""
    ((headers, body),) = receiver.got
    signed = f"{job_id}.{headers['webhook-timestamp']}.".encode() + body
    secret = hashlib.sha256(key.encode()).digest()
    expected = base64.b64encode(hmac.new(secret, signed, "sha256").digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def calls_of(client: FlaskClient) -> dict[str, float]:
    found = figures(client.get("/metrics").get_data(as_text=True))
    start = "rechroma_webhooks_total/"
    return {name.removeprefix(start): found[name] for name in found if name.startswith(start)}


@both
def test_webhook_is_delivered_and_signed(
    client: FlaskClient, host: Host, key: tuple[str, str]
) -> None:
    host.routes["/webhook"] = receiver = Receiver(204)
    job_id = submit(client, host, photo_file(), b"no image")
    assert receiver.news.wait(PATIENCE)
    ((headers, body),) = receiver.got
    event = json.loads(body)
    assert event["type"] == "job.done"
    assert event["data"] == {"id": job_id, "state": "done", "total": 2, "done": 1, "failed": 1}
    assert headers["webhook-id"] == job_id
    check_signature(receiver, job_id, key[0])
    assert abs(time.time() - int(headers["webhook-timestamp"])) < PATIENCE
    wait_until(lambda: calls_of(client) == {"delivered": 1})


@both
def test_webhook_is_retried_until_delivered(
    client: FlaskClient, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_RETRY_DELAYS", (0.0, 0.0, 0.0))
    host.routes["/webhook"] = receiver = Receiver(500, 302, 200)
    submit(client, host, b"no image")
    wait_until(lambda: calls_of(client) == {"failed": 2, "delivered": 1})
    assert {json.loads(body)["type"] for _, body in receiver.got} == {"job.failed"}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


@both
@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (410, 1)])
def test_webhook_is_given_up_after_all_retries(
    client: FlaskClient, host: Host, monkeypatch: pytest.MonkeyPatch, status: int, attempts: int
) -> None:
    monkeypatch.setattr(webhooks, "_RETRY_DELAYS", (0.0, 0.0))
    host.routes["/webhook"] = receiver = Receiver(status)
    submit(client, host, photo_file())
    wait_until(lambda: calls_of(client) == {"failed": attempts})
    host.routes["/webhook"] = last = Receiver(200)
    submit(client, host, photo_file())
    assert last.news.wait(PATIENCE)  # so that there was time for more
    assert len(receiver.got) == attempts


def test_private_addresses_are_not_called(
    make_app: MakeApp, host: Host, key: tuple[str, str], caplog: Caplog
) -> None:
    host.routes["/webhook"] = receiver = Receiver(200)
    client = client_of(make_app, key)
    name = f"http://localhost:{host.port}/webhook?secret"
    assert client.post(URL, **form(photo_file()), query_string={"webhook": name}).status_code == 202
    wait_until(lambda: calls_of(client) == {"failed": 1})
    wait_until(lambda: "could not be delivered to localhost" in caplog.text)
    assert "secret" not in caplog.text
    assert receiver.got == []


@pytest.mark.parametrize(
    "spelt",
    ["127.0.0.1:9", "2130706433", "127.1", "[::ffff:127.0.0.1]", "169.254.169.254", "[fec0::1]"],
)
def test_submit_rejects_private_addresses(
    make_app: MakeApp, key: tuple[str, str], spelt: str
) -> None:
    url = f"http://{spelt}/webhook"
    answer = client_of(make_app, key).post(URL, **form(photo_file()), query_string={"webhook": url})
    assert "not a public address" in assert_problem(answer, 422)["detail"]


def test_store_failures_are_logged_once(
    client: FlaskClient, host: Host, monkeypatch: pytest.MonkeyPatch, caplog: Caplog
) -> None:
    monkeypatch.setattr(webhooks, "_POLL_INTERVAL", 0.0)
    store = service_of(client.application).store
    calls = iter(range(1000))
    well = store.lease_webhook

    def away(lease: float) -> Any:
        if next(calls) < 3:
            raise StoreError("away")
        return well(lease)

    monkeypatch.setattr(store, "lease_webhook", away)
    host.routes["/webhook"] = receiver = Receiver(200)
    submit(client, host, photo_file())
    assert receiver.news.wait(PATIENCE)
    assert caplog.text.count("webhooks are not delivered: away") == 1


def test_webhook_is_delivered_by_the_next_server(
    make_app: MakeApp, host: Host, key: tuple[str, str]
) -> None:
    host.routes["/webhook"] = receiver = Receiver(200)
    first = client_of(make_app, key, start=False, private_webhooks=True)
    job_id = submit(first, host, photo_file())
    service_of(first.application).runner.start()
    wait_until(lambda: service_of(first.application).store.counts() == {"done": 1})
    assert receiver.got == []
    client_of(make_app, key, private_webhooks=True)
    assert receiver.news.wait(PATIENCE)
    check_signature(receiver, job_id, key[0])


def test_webhook_waits_for_its_key(
    make_app: MakeApp, host: Host, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_RETRY_DELAYS", (0.5,) * 100)
    host.routes["/webhook"] = receiver = Receiver(200)
    first = client_of(make_app, key, start=False, private_webhooks=True)
    job_id = submit(first, host, b"no image")
    without = client_of(make_app, new_key(), private_webhooks=True)
    wait_until(lambda: calls_of(without).get("failed"))
    assert receiver.got == []
    service_of(without.application).webhooks.stop()
    client_of(make_app, key, private_webhooks=True)
    assert receiver.news.wait(PATIENCE)
    check_signature(receiver, job_id, key[0])


@both
def test_store_does_not_contain_the_signing_secret(
    client: FlaskClient, host: Host, key: tuple[str, str]
) -> None:
    job = service_of(client.application).store.get(submit(client, host, photo_file()))
    assert job
    assert job.owner
    assert key[1] not in str(job)


@both
def test_webhook_of_a_deleted_job_is_dropped(
    make_app: MakeApp, host: Host, key: tuple[str, str]
) -> None:
    client = client_of(make_app, key, start=False, private_webhooks=True)
    job_id = submit(client, host, photo_file())
    assert client.delete(f"{URL}/{job_id}").status_code == 204
    service = service_of(client.application)
    assert service.store.lease_webhook(0) is None


@both
def test_webhook_is_delivered_once_by_two_servers(
    make_app: MakeApp, host: Host, key: tuple[str, str]
) -> None:
    def slow(request: Request) -> None:
        time.sleep(0.3)
        request.answer()

    route: Handler = slow
    host.routes["/webhook"] = route
    clients = [client_of(make_app, key, private_webhooks=True) for _ in range(2)]
    for _ in range(3):
        submit(clients[0], host, photo_file())
    heard = lambda: sum(calls_of(client).get("delivered", 0) for client in clients)  # noqa: E731
    wait_until(lambda: heard() == 3)
    assert host.count("/webhook") == 3


def test_submit_rejects_undeliverable_webhooks(client: FlaskClient, make_app: MakeApp) -> None:
    for url in ("file:///etc/passwd", "no url", "http://user:word@host.example/", "http://[::1"):
        problem = assert_problem(
            client.post(URL, **form(photo_file()), query_string={"webhook": url}), 422
        )
        assert problem["detail"].startswith("webhook: ")
    open_to_all = make_app().test_client()
    answer = open_to_all.post(
        URL, **form(photo_file()), query_string={"webhook": "https://host.example/"}
    )
    assert "key" in assert_problem(answer, 422)["detail"]
