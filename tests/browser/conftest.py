"""Fixtures: a browser, a server and a static site with the bundled model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from rechroma.models import find_model
from rechroma.web.site import write_site
from tests.support.page_driver import PageDriver
from tests.support.service import Server
from tests.support.site_backend import SiteBackend
from tests.support.static_host import StaticHost

Open = Callable[..., PageDriver]
Serve = Callable[..., Server]

on_both = pytest.mark.parametrize("address", ["service", "site"], indirect=True)
"""Runs a test on the page of a service, and on that of a static site."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a service for all tests that do not stop it."""
    running = start_server(tmp_path_factory.mktemp("service"))
    yield running
    assert "Traceback" not in running.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a static site from a subfolder, and return its address."""
    folder = tmp_path_factory.mktemp("host")
    write_site(folder / "rechroma", find_model())
    host = StaticHost(folder)
    yield f"{host.url}rechroma/"
    host.stop()


@pytest.fixture(scope="module")
def backend(browser: Browser, site: str) -> Iterator[SiteBackend]:
    """Open the backend of the static site, for several tests."""
    page = browser.new_page()
    yield SiteBackend(page, site)
    page.close()


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """Return the address of the page, by default that of the service."""
    if getattr(request, "param", "service") == "site":
        return str(request.getfixturevalue("site"))
    return str(request.getfixturevalue("server").url)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start services, one after the other, on the same jobs; they are stopped at the end."""
    servers: list[Server] = []

    def start(*words: str, **environment: str) -> Server:
        servers.append(start_server(tmp_path / "service", *words, **environment))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


def start_server(folder: Path, *words: str, **environment: str) -> Server:
    """Start a service without worker processes, as `rechroma app` does."""
    usual = {"RECHROMA_ISOLATE": "false"}
    return Server(folder, "--workers", "2", *words, **(usual | environment))


@pytest.fixture
def open_page(browser: Browser, address: str, tmp_path: Path) -> Iterator[Open]:
    """Open the page; options are those of Playwright's `new_context`."""
    drivers: list[PageDriver] = []
    folder = Path(os.environ.get("PAGE_SCREENSHOTS") or tmp_path / "screenshots")

    def open_page_at(url: str = address, **options: Any) -> PageDriver:
        usual = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
        context = browser.new_context(**(usual | options))
        drivers.append(PageDriver(context.new_page(), url, folder))
        return drivers[-1].open()

    yield open_page_at
    for driver in drivers:
        driver.page.context.close()
        driver.assert_clean()


@pytest.fixture
def driver(open_page: Open) -> PageDriver:
    """Open the page in a common window size."""
    return open_page()
