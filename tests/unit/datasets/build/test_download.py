"""Downloading a list of images: politeness, safety, retries and licenses."""

from __future__ import annotations

import csv
import hashlib
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma._version import __version__
from rechroma.datasets import Shards
from rechroma.datasets.build import download as download_module
from rechroma.datasets.build.download import CrawlPolicy, DownloadStats, download, license_name
from rechroma.datasets.build.pack import PackConfig, pack
from rechroma.datasets.build.preprocess import ImageFormat
from rechroma.datasets.build.robots import RateLimiter
from rechroma.datasets.build.table_readers import read_table
from rechroma.errors import DataError, FetchError, MissingExtraError, OptionError, TargetError
from rechroma.safe_http import SafeHttpClient, TransientFetchError, is_public, split_url
from tests.support.local_http_server import Host, Request, serving
from tests.support.shards import synthetic_image

FAST = CrawlPolicy(per_host=1000, timeout=20, retries=2, backoff=0.01)
LOOPBACK = "127.0.0.1"


def only_here(address: str) -> bool:
    """Allow only the test's own host, as a stand-in for the internet."""
    return address == LOOPBACK or is_public(address)


def encoded(seed: int, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, synthetic_image(seed, 96, 128)[..., ::-1])[1].tobytes()


def image_handler(seed: int) -> Callable[[Request], None]:
    return lambda request: request.answer(encoded(seed))


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def fetched(host: Host, tmp_path: Path) -> Callable[..., DownloadStats]:
    """Download some paths of the host into `out`."""

    def call(*paths: str, policy: CrawlPolicy = FAST, **options: Any) -> DownloadStats:
        urls = [path if "://" in path else host.url(path) for path in paths]
        table = write_list(tmp_path / "list.csv", [{"url": url} for url in urls])
        options = {"is_allowed": only_here} | options
        return download(table, tmp_path / "out", policy, **options)

    return call


def write_list(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    defaults = {"url": "", "license": "CC0-1.0", "author": "Ann"}
    rows = [defaults | row for row in rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def ignore(_: object) -> None:
    """Ignore a value."""


def table(path: Path) -> list[dict[str, str]]:
    return list(read_table(path, ()))


def reasons(out: Path) -> list[str]:
    return [row["reason"] for row in table(out / "failed.csv")]


def image_names(out: Path) -> list[Path]:
    return sorted(path for path in out.iterdir() if path.suffix != ".csv")


Fetched = Callable[..., DownloadStats]


def test_download_saves_images_and_attribution(host: Host, tmp_path: Path) -> None:
    host.routes |= {"/a": image_handler(1), "/b.png": lambda r: r.answer(encoded(2, ".png"))}
    rows = [
        {"url": host.url("/a"), "author": "Zoë, with\na comma", "title": "Sea"},
        {"url": host.url("/b.png"), "license": "CC-BY-4.0", "title": ""},
        {"url": host.url("/a"), "title": "again"},
    ]
    stats = download(
        write_list(tmp_path / "l.csv", rows), tmp_path / "out", FAST, is_allowed=only_here
    )
    assert (stats.fetched, stats.present, stats.failed) == (2, 0, Counter())
    attribution = {row["url"]: row for row in table(tmp_path / "out/attribution.csv")}
    first = attribution[host.url("/a")]
    assert (first["author"], first["license"], first["title"]) == (
        "Zoë, with a comma",
        "CC0-1.0",
        "Sea",
    )
    assert datetime.fromisoformat(first["when"]) <= datetime.now(UTC)
    content = (tmp_path / "out" / first["file"]).read_bytes()
    assert content == encoded(1)
    assert first["sha256"] == hashlib.sha256(content).hexdigest()
    assert sorted(path.suffix for path in image_names(tmp_path / "out")) == [".jpg", ".png"]


def test_downloaded_folder_can_be_packed(host: Host, fetched: Fetched, tmp_path: Path) -> None:
    host.routes |= {f"/{n}": image_handler(n) for n in range(3)}
    fetched("/0", "/1", "/2")
    pack(tmp_path / "out", tmp_path / "shards", PackConfig(ImageFormat(size=64, min_side=32)))
    shards = Shards([tmp_path / "shards"])
    assert {shards.metadata(n)["url"] for n in range(3)} == {host.url(f"/{n}") for n in range(3)}
    assert {shards.metadata(n)["author"] for n in range(3)} == {"Ann"}


def test_user_agent_names_program_and_contact(host: Host, fetched: Fetched) -> None:
    host.routes["/a"] = image_handler(1)
    fetched("/a", policy=CrawlPolicy(per_host=1000, contact="me@a.example"))
    assert [path for path, *_ in host.asked] == ["/robots.txt", "/a"]
    for _, _, headers in host.asked:
        assert headers["User-Agent"] == f"Rechroma/{__version__} (me@a.example)"


def test_existing_files_are_not_downloaded_again(
    host: Host, fetched: Fetched, tmp_path: Path
) -> None:
    host.routes |= {"/a": image_handler(1), "/b": image_handler(2), "/c": image_handler(3)}
    fetched("/a", "/b")
    image_names(tmp_path / "out")[0].unlink()
    with (tmp_path / "out/attribution.csv").open("a") as file:
        file.write("half-a-line.jpg,http://127.0.0.1")  # of a run that was killed
    stats = fetched("/a", "/b", "/c")
    assert (stats.fetched, stats.present) == (2, 1)
    assert len(image_names(tmp_path / "out")) == 3
    attribution = table(tmp_path / "out/attribution.csv")
    assert {row["file"] for row in attribution} == {
        path.name for path in image_names(tmp_path / "out")
    }
    assert host.count("/a") + host.count("/b") == 3


def test_columns_of_a_second_list_are_added(host: Host, fetched: Fetched, tmp_path: Path) -> None:
    host.routes |= {"/a": image_handler(1), "/b": image_handler(2)}
    fetched("/a")
    more = write_list(tmp_path / "more.csv", [{"url": host.url("/b"), "label": "sea"}])
    download(more, tmp_path / "out", FAST, is_allowed=only_here)
    labels = {row["url"]: row["label"] for row in table(tmp_path / "out/attribution.csv")}
    assert labels == {host.url("/a"): "", host.url("/b"): "sea"}


def truncated(request: Request) -> None:
    request.begin(Content_Length="40000")
    request.wfile.write(encoded(1)[:500])


def interrupted(request: Request) -> None:
    request.begin()
    request.wfile.write(encoded(1)[:500])


def endless(request: Request) -> None:
    request.begin()
    while True:
        request.wfile.write(bytes(1 << 16))


def zipped(request: Request) -> None:
    request.answer(encoded(1), Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("route", "reason", "times"),
    [
        (lambda r: r.answer(b"gone", 404), "HTTP status 404", 1),
        (lambda r: r.answer(b"", 204), "HTTP status 204", 1),
        (lambda r: r.answer(b"", 302), "HTTP status 302", 1),
        (lambda r: r.answer(b"oh", 503), "HTTP status 503", 3),
        (lambda r: r.answer(b"<html>log in first</html>"), "this is a web page", 1),
        (lambda r: r.answer(b""), "empty", 1),
        (lambda r: r.begin(Content_Length="99999999"), "more than 50000 bytes", 1),
        (endless, "more than 50000 bytes", 1),
        (truncated, "ended early", 3),
        (interrupted, "damaged or truncated", 1),
        (zipped, "Content-Encoding", 1),
        (lambda r: r.answer(b"", 302, Location="/x"), "redirected more than 5 times", 1),
        (lambda r: r.wfile.write(b"what is HTTP?\r\n\r\n"), "BadStatusLine", 3),
        (lambda r: r.connection.close(), "RemoteDisconnected", 3),
    ],
)
def test_invalid_response_fails_only_its_image(
    host: Host,
    fetched: Fetched,
    tmp_path: Path,
    route: Callable[[Request], None],
    reason: str,
    times: int,
) -> None:
    host.routes |= {"/x": route, "/good": image_handler(2)}
    policy = CrawlPolicy(per_host=1000, max_bytes=50_000, retries=2, backoff=0.01)
    stats = fetched("/x", "/good", policy=policy)
    assert stats.fetched == 1
    assert reason in reasons(tmp_path / "out")[0]
    assert host.count("/x") == (6 if "redirected" in reason else times)
    assert len(image_names(tmp_path / "out")) == 1


def test_transient_errors_are_retried(host: Host, fetched: Fetched) -> None:
    answers = [503, 500]

    def moody(request: Request) -> None:
        request.answer(b"", answers.pop()) if answers else request.answer(encoded(1))

    host.routes["/a"] = moody
    assert fetched("/a").fetched == 1
    assert host.count("/a") == 3


@pytest.mark.parametrize(
    "say",
    [lambda: "1", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)],
)
def test_retry_after_is_respected(host: Host, fetched: Fetched, say: Callable[[], str]) -> None:
    def tired(request: Request) -> None:
        first = host.count("/a") == 1
        request.answer(b"", 429, Retry_After=say()) if first else request.answer(encoded(1))

    host.routes |= {"/a": tired, "/b": image_handler(2)}
    assert fetched("/a", "/b").fetched == 2
    first, second = [when for path, when, _ in host.asked if path == "/a"]
    assert second - first >= 0.99


def test_host_with_a_long_retry_after_is_skipped(
    host: Host, fetched: Fetched, tmp_path: Path
) -> None:
    host.routes |= {"/a": lambda r: r.answer(b"", 429, Retry_After="7200"), "/b": image_handler(2)}
    assert fetched("/a", "/b").fetched == 0
    assert [path for path, *_ in host.asked] == ["/robots.txt", "/a"]
    assert "skipped" in reasons(tmp_path / "out")[1]


def test_host_that_keeps_failing_is_skipped(host: Host, fetched: Fetched) -> None:
    host.routes |= {f"/{n}": lambda r: r.answer(b"", 500) for n in range(9)}
    stats = fetched(*(f"/{n}" for n in range(9)), policy=CrawlPolicy(per_host=1000, retries=0))
    assert stats.failed == Counter(
        {"HTTP status 500": 5, "skipped after several failures of this host": 4}
    )


def test_requests_per_host_are_rate_limited() -> None:
    waits = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return False

    pace = RateLimiter(20, Stop())
    first = time.monotonic()
    for turn in range(5):
        pace.wait("a")
        assert time.monotonic() + waits[-1] >= first + turn * 0.05
    pace.wait("b")
    assert waits[-1] == 0
    pace.pause("b", 3)
    pace.wait("b")
    assert 2 < waits[-1] <= 3


def test_download_ignores_the_declared_name_and_type(
    host: Host, fetched: Fetched, tmp_path: Path
) -> None:
    host.routes["/a.html"] = lambda r: r.answer(encoded(1, ".webp"), Content_Type="text/html")
    assert fetched("/a.html").fetched == 1
    assert image_names(tmp_path / "out")[0].suffix == ".webp"


class TestTime:
    @pytest.fixture
    def ended(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    def test_unresponsive_host_times_out(
        self, host: Host, fetched: Fetched, tmp_path: Path, ended: threading.Event
    ) -> None:
        host.routes["/a"] = lambda _: ignore(ended.wait(20))
        fetched("/a", policy=CrawlPolicy(per_host=1000, timeout=0.3, retries=0))
        assert reasons(tmp_path / "out") == ["the request took longer than 0.3 s"]

    @pytest.mark.parametrize("head", [True, False])
    def test_slow_response_times_out(
        self, host: Host, fetched: Fetched, tmp_path: Path, ended: threading.Event, head: bool
    ) -> None:
        def drip(request: Request) -> None:
            if head:
                request.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
            else:
                request.begin()
            while not ended.wait(0.05):
                request.wfile.write(b"x")

        host.routes["/a"] = drip
        fetched("/a", policy=CrawlPolicy(per_host=1000, timeout=0.5, retries=0))
        assert reasons(tmp_path / "out") == ["the request took longer than 0.5 s"]

    def test_interrupt_leaves_only_whole_files(
        self, host: Host, fetched: Fetched, tmp_path: Path, ended: threading.Event
    ) -> None:
        waited = []
        host.routes |= {"/a": image_handler(1), "/b": lambda _: waited.append(ended.wait(40))}
        other = f"http://localhost:{host.port}/b"  # another host, asked at the same time

        def stop() -> None:
            while not host.count("/b"):
                time.sleep(0.01)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetched("/a", other, on_image=stop, is_allowed=lambda _: True)
        assert waited == []
        assert (
            len(table(tmp_path / "out/attribution.csv")) == len(image_names(tmp_path / "out")) == 1
        )
        ended.set()
        host.routes["/b"] = image_handler(2)
        stats = fetched("/a", "/b")
        assert (stats.fetched, stats.present) == (1, 1)


class TestRobots:
    RULES = b"User-agent: *\nDisallow: /\n\nUser-agent: rechroma\nDisallow: /private/\n"

    def test_disallowed_paths_are_not_requested(
        self, host: Host, fetched: Fetched, tmp_path: Path
    ) -> None:
        host.routes |= {
            "/robots.txt": lambda r: r.answer(self.RULES),
            "/private/a": image_handler(1),
            "/open/b": image_handler(2),
            "/c": lambda r: r.answer(b"", 301, Location="/private/a"),
        }
        assert fetched("/private/a", "/open/b", "/c").fetched == 1
        assert reasons(tmp_path / "out") == ["robots.txt disallows it"] * 2
        assert (host.count("/private/a"), host.count("/robots.txt")) == (0, 1)

    @pytest.mark.parametrize(
        ("status", "allowed"), [(404, 1), (410, 1), (401, 0), (403, 0), (500, 0), (204, 0)]
    )
    def test_unreadable_robots_txt_is_treated_by_status(
        self, host: Host, fetched: Fetched, status: int, allowed: int
    ) -> None:
        host.routes |= {"/robots.txt": lambda r: r.answer(b"", status), "/a": image_handler(1)}
        assert fetched("/a").fetched == host.count("/a") == allowed

    @pytest.mark.parametrize(
        "rules", ["User-agent: *\nCrawl-delay: ²".encode(), b"User-agent: *\nDisallow: /\xff\n/\0"]
    )
    def test_malformed_robots_txt_is_not_fatal(
        self, host: Host, fetched: Fetched, rules: bytes
    ) -> None:
        host.routes |= {"/robots.txt": lambda r: r.answer(rules), "/a": image_handler(1)}
        stats = fetched("/a")
        assert stats.fetched + stats.failed["robots.txt disallows it"] == 1

    def test_wildcards_within_paths_are_respected(self, host: Host, fetched: Fetched) -> None:
        rules = b"User-agent: *\nDisallow: /*/large/*.jpg$\n"
        host.routes |= {"/robots.txt": lambda r: r.answer(rules)}
        host.routes |= {"/a/large/b.jpg": image_handler(1), "/a/small/b.jpg": image_handler(2)}
        assert fetched("/a/large/b.jpg", "/a/small/b.jpg").fetched == 1
        assert host.count("/a/large/b.jpg") == 0

    def test_protego_is_an_extra(self, fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "protego", None)
        with pytest.raises(MissingExtraError, match="Protego") as caught:
            fetched("/a")
        assert 'pip install "rechroma[data]"' in str(caught.value.hint)

    def test_crawl_delay_is_respected(self, host: Host, fetched: Fetched) -> None:
        rules = b"User-agent: *\nCrawl-delay: 1\n"
        host.routes |= {"/robots.txt": lambda r: r.answer(rules)}
        host.routes |= {"/a": image_handler(1), "/b": image_handler(2)}
        assert fetched("/a", "/b").fetched == 2
        times = {path: when for path, when, _ in host.asked}
        assert times["/b"] - times["/robots.txt"] >= 1


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
            *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1"),
            *("fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
            *("2002:7f00:1::", "2001:db8::1", "64:ff9b:1::7f00:1", "fec0::1"),
        ],
    )
    def test_private_addresses_are_rejected(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
    def test_public_addresses_are_accepted(self, address: str) -> None:
        assert is_public(address)

    @given(st.ip_addresses(v=4))
    def test_embedded_addresses_are_checked(self, address: Any) -> None:
        for within in (f"64:ff9b::{address}", f"::ffff:{address}"):
            assert is_public(str(address)) or not is_public(within)

    @pytest.mark.parametrize(
        "target",
        [
            *("http://127.0.0.2/x", "http://[::1]/x", "http://169.254.169.254/latest/meta-data"),
            *("http://2130706434/x", "//10.0.0.1/x"),
        ],
    )
    def test_redirect_to_a_private_address_is_rejected(
        self, host: Host, fetched: Fetched, tmp_path: Path, target: str
    ) -> None:
        host.routes["/a"] = lambda r: r.answer(b"", 302, Location=target)
        fetched("/a")
        assert "is not a public address" in reasons(tmp_path / "out")[0]

    def test_loopback_is_rejected_by_default(self, host: Host, tmp_path: Path) -> None:
        host.routes["/a"] = image_handler(1)
        rows = [{"url": host.url("/a")}, {"url": f"http://localhost:{host.port}/a"}]
        download(write_list(tmp_path / "l.csv", rows), tmp_path / "out", FAST)
        assert all("is not a public address" in why for why in reasons(tmp_path / "out"))
        assert host.asked == []

    def test_host_with_one_private_address_is_rejected(self, host: Host) -> None:
        web = SafeHttpClient(5, 1000, resolve=lambda *_: ["8.8.8.8", "10.0.0.1"])
        with pytest.raises(FetchError, match=r"10\.0\.0\.1 is not a public address"):
            web.request(f"http://images.example:{host.port}/")

    def test_connection_uses_the_checked_address(self, host: Host) -> None:
        host.routes["/a"] = image_handler(1)
        answers = [[LOOPBACK], ["10.0.0.1"]]
        web = SafeHttpClient(5, 100_000, is_allowed=only_here, resolve=lambda *_: answers.pop(0))
        answer = web.request(f"http://images.example:{host.port}/a")
        assert answer.body == encoded(1)
        assert host.asked[0][2]["Host"] == f"images.example:{host.port}"
        with pytest.raises(FetchError, match="not a public address"):
            web.request(f"http://images.example:{host.port}/a")

    def test_next_address_is_tried_after_a_failure(self, host: Host) -> None:
        web = SafeHttpClient(
            5, 1000, is_allowed=lambda _: True, resolve=lambda *_: ["127.0.0.9", LOOPBACK]
        )
        assert web.request(host.url("/")).status == 404

    def test_invalid_host_name_is_rejected(self) -> None:
        with pytest.raises(TransientFetchError, match="no such host"):
            SafeHttpClient(5, 1000).request("http://images.invalid/")
        with pytest.raises(TransientFetchError, match="no such host"):
            SafeHttpClient(5, 1000).request(f"http://{'a' * 70}.example/")

    @pytest.mark.parametrize(
        "url",
        [
            *("ftp://a.example/x", "file:///etc/passwd", "x", "", "http://", "http://[::1/x"),
            *("http://me:secret@a.example/", "http://a.example:99999/", "javascript:alert(1)"),
        ],
    )
    def test_other_urls_are_rejected(self, url: str) -> None:
        with pytest.raises(FetchError):
            split_url(url)


def test_tls_certificate_is_verified(host: Host) -> None:
    web = SafeHttpClient(5, 1000, is_allowed=only_here, resolve=lambda *_: [LOOPBACK])
    with pytest.raises(TransientFetchError, match="SSL"):
        web.request(f"https://images.example:{host.port}/")


def test_tls_uses_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    named = []

    class Plain(socket.socket):
        def do_handshake(self) -> None:
            """Speak no TLS."""

    def wrap(
        _: ssl.SSLContext, sock: socket.socket, server_hostname: str, **__: object
    ) -> socket.socket:
        named.append(server_hostname)
        wrapped = Plain(fileno=sock.detach())
        wrapped.settimeout(20)
        return wrapped

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with serving() as host:
        host.routes["/a%20b?q=%C3%A9"] = lambda r: r.answer(b"yes")
        web = SafeHttpClient(5, 1000, is_allowed=only_here, resolve=lambda *_: [LOOPBACK])
        answer = web.request(f"https://bücher.example:{host.port}/a b?q=é")
    assert answer.body == b"yes"
    assert named == ["xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("CC0", "cc0"), ("cc0-1.0", "cc0"), ("CC0 1.0 Universal", "cc0"), ("CC-Zero", "cc0")),
        *(("CC BY 2.0", "cc-by"), ("cc-by-4.0", "cc-by"), ("BY", "cc-by"), ("by-nc", "cc-by-nc")),
        *(("CC-BY-SA-3.0-DE", "cc-by-sa"), ("CC BY-NC-ND 4.0", "cc-by-nc-nd")),
        ("https://creativecommons.org/licenses/by/2.0/", "cc-by"),
        ("http://creativecommons.org/licenses/by-nc-sa/2.5/it/legalcode", "cc-by-nc-sa"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        *(("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"), ("Public Domain", "pdm")),
        *(("", ""), ("All rights reserved", "all-rights-reserved")),
    ],
)
def test_license_names_are_normalized(text: str, name: str) -> None:
    assert license_name(text) == name


def test_only_requested_licenses_are_downloaded(host: Host, tmp_path: Path) -> None:
    named = {"/a": "CC0 1.0", "/b": "CC BY-NC 4.0", "/c": "CC-BY-2.0", "/d": ""}
    host.routes |= {path: image_handler(n) for n, path in enumerate(named)}
    rows = [{"url": host.url(path), "license": license} for path, license in named.items()]
    listed = write_list(tmp_path / "l.csv", rows)
    options: dict[str, Any] = {"is_allowed": only_here, "licenses": ["cc0", "CC-BY"]}
    stats = download(listed, tmp_path / "a", FAST, **options)
    assert (stats.fetched, stats.unwanted) == (2, 2)
    assert [host.count(path) for path in named] == [1, 0, 1, 0]
    assert download(listed, tmp_path / "b", FAST, **options, limit=1).fetched == 1


class TestLists:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("url,author\nhttp://a.example/x,Ann\n", "has no column 'license'"),
            ("url,license,author\n", "lists no image"),
            ("", "lists no image"),
        ],
    )
    def test_invalid_row_is_named(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "l.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            download(tmp_path / "l.csv", tmp_path / "out")

    def test_missing_list_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be read: No such file"):
            download(tmp_path / "absent.csv", tmp_path / "out")

    def test_parquet_list_is_read(self, host: Host, tmp_path: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        host.routes["/a"] = image_handler(1)
        columns = {"URL": [host.url("/a")], "license": ["CC0"], "author": [None], "year": [1999]}
        parquet.write_table(arrow.table(columns), tmp_path / "l.parquet")
        download(tmp_path / "l.parquet", tmp_path / "out", FAST, is_allowed=only_here)
        (row,) = table(tmp_path / "out/attribution.csv")
        assert (row["author"], row["year"]) == ("", "1999")
        (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense PAR1")
        with pytest.raises(DataError, match="not a readable Parquet"):
            download(tmp_path / "bad.parquet", tmp_path / "out")

    def test_parquet_without_pyarrow_names_the_extra(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match="pyarrow") as caught:
            download(tmp_path / "l.parquet", tmp_path / "out")
        assert 'pip install "rechroma[parquet]"' in str(caught.value.hint)


@pytest.mark.parametrize(
    "options",
    [{"per_host": 0}, {"timeout": float("nan")}, {"retries": -1}, {"contact": "a\r\nX: b"}],
)
def test_crawl_policy_rejects_values_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        CrawlPolicy(**options)


def test_full_disk_ends_the_run(
    host: Host, fetched: Fetched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise TargetError(f"{path}: No space left on device")

    host.routes |= {"/a": image_handler(1), "/b": image_handler(2)}
    monkeypatch.setattr(download_module, "write_atomically", refuse)
    with pytest.raises(TargetError, match="No space"):
        fetched("/a", "/b")
    assert image_names(tmp_path / "out") == []
    assert table(tmp_path / "out/attribution.csv") == []
