"""`RECHROMA_PROXIES`: forwarded addresses and host names."""

from __future__ import annotations

import pytest

from tests.api.conftest import MakeApp, StartServer
from tests.support.service import photo_file

HOSTS = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


def statuses(make_app: MakeApp, senders: tuple[str, ...], **settings: object) -> list[int]:
    """Return the responses to these clients, with a rate limit of one request each."""
    client = make_app(rate="1/hour", **settings).test_client()
    return [
        client.post(
            "/v1/colorize", data=photo_file(), headers={"X-Forwarded-For": sender}
        ).status_code
        for sender in senders
    ]


def test_forwarded_address_is_ignored_without_proxies(make_app: MakeApp) -> None:
    assert statuses(make_app, HOSTS) == [200, 429, 429]


def test_forwarded_address_of_a_proxy_is_used(make_app: MakeApp) -> None:
    assert statuses(make_app, (*HOSTS, HOSTS[0]), proxies=1) == [200, 200, 200, 429]


def test_addresses_before_that_of_the_proxy_are_ignored(make_app: MakeApp) -> None:
    made_up = tuple(f"{host}, 198.51.100.7" for host in HOSTS)
    assert statuses(make_app, made_up, proxies=1) == [200, 429, 429]
    assert statuses(make_app, made_up, proxies=2) == [200, 200, 200]


@pytest.mark.parametrize(("proxies", "status"), [(0, 200), (1, 400)])
def test_forwarded_host_is_checked(make_app: MakeApp, proxies: int, status: int) -> None:
    client = make_app(proxies=proxies).test_client()
    answer = client.get("/v1/models", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == status


@pytest.mark.parametrize(("proxies", "wanted"), [("0", [200, 429]), ("1", [200, 200])])
def test_forwarded_headers_over_the_wire(
    start_server: StartServer, proxies: str, wanted: list[int]
) -> None:
    server = start_server(RECHROMA_RATE="1/hour", RECHROMA_PROXIES=proxies)
    asked = [
        server.ask("POST", "/v1/colorize", photo_file(), X_Forwarded_For=host).status
        for host in HOSTS[:2]
    ]
    assert asked == wanted
