"""Polite download of a list of images, with their licenses and authors.

Each host gets one request at a time, rate-limited and as its robots.txt allows; several hosts are
visited at once. Images that are present are not downloaded again.
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from rechroma.datasets.build.attribution import AttributionLog
from rechroma.datasets.build.robots import RateLimiter, RobotsCache
from rechroma.datasets.build.table_readers import read_table
from rechroma.errors import (
    DataError,
    FetchError,
    InternalError,
    OptionError,
    RechromaError,
    TargetError,
)
from rechroma.fs import translate_os_errors, write_atomically
from rechroma.imaging import FORMATS, read_rgb_thumbnail, sniff
from rechroma.options import check_range
from rechroma.safe_http import SafeHttpClient, TransientFetchError, split_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from rechroma.datasets.build.table_readers import Row

_MAX_WAIT = 300.0  # seconds that a host may ask to wait before it is skipped
_MAX_FAILURES = 5  # failures in a row after which a host is skipped
_TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504}
_NAME_LENGTH = 20
_CHECK_SIDE = 64  # of the copy that is decoded to validate an image
_MAX_PIXELS = 100_000_000
_OWN_COLUMNS = ("file", "sha256", "when")
_DEED = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)")
_DEEDS = {"zero": "cc0", "mark": "pdm"}
_LICENSE_ALIASES = {
    "cc-0": "cc0",
    "cc-zero": "cc0",
    "public-domain": "pdm",
    "publicdomain": "pdm",
    "pd": "pdm",
    "no-known-copyright-restrictions": "pdm",
    "attribution": "cc-by",
    "attribution-sharealike": "cc-by-sa",
}
_LICENSE_VERSION = re.compile(r"-?v?\d+(\.\d+)+.*$|-(unported|generic|international|universal)$")


@dataclass(frozen=True)
class CrawlPolicy:
    """Rate limits, timeouts and retries.

    Attributes:
        per_host: Maximum requests per second to one host.
        hosts: Number of hosts visited at once.
        timeout: Of a request, in seconds.
        max_bytes: Maximum size of an image.
        retries: Retries after transient errors.
        backoff: Seconds before the first retry, doubled for each further one.
        contact: Mail address in the User-Agent, for the operators of hosts.
    """

    per_host: float = 2.0
    hosts: int = 8
    timeout: float = 60.0
    max_bytes: int = 32 << 20
    retries: int = 3
    backoff: float = 1.0
    contact: str = ""

    def __post_init__(self) -> None:
        check_range("per_host", self.per_host, 0.001, 1000)
        check_range("hosts", self.hosts, 1, 1000)
        check_range("timeout", self.timeout, 0.001, 86_400)
        check_range("max_bytes", self.max_bytes, 1, 1 << 32)
        check_range("retries", self.retries, 0, 100)
        if not (self.contact.isascii() and self.contact.isprintable()):
            raise OptionError(
                f"the contact {self.contact!r} cannot be sent in a header",
                hint="Use printable ASCII, such as you@example.org.",
            )


@dataclass
class DownloadStats:
    """Outcome of a download.

    Attributes:
        fetched: Number of images downloaded.
        present: Number of images already in the folder.
        unwanted: Number of images under other licenses.
        failed: Number of failures by reason; `failed.csv` lists each.
    """

    fetched: int = 0
    present: int = 0
    unwanted: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def download(
    table: Path,
    folder: Path,
    policy: CrawlPolicy | None = None,
    *,
    licenses: Collection[str] = (),
    limit: int | None = None,
    is_allowed: Callable[[str], bool] | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> DownloadStats:
    """Download the images of a list.

    Args:
        table: CSV or Parquet with the columns `url`, `license` and `author`; others are kept.
        folder: Folder of the images, `attribution.csv` and `failed.csv`.
        policy: Rate limits, timeouts and retries.
        licenses: Licenses to accept, such as ``cc0`` and ``cc-by``, in any version; all if empty.
        limit: Maximum number of images.
        is_allowed: Decides whether to connect to an IP address; by default to public ones.
        on_image: Called after each image, from several threads.

    Raises:
        DataError: The list cannot be read.
        MissingExtraError: It is a Parquet file, and pyarrow is not installed.
        TargetError: The folder cannot be written.
    """
    policy, stats = policy or CrawlPolicy(), DownloadStats()
    rows = list(islice(_select_rows(table, licenses, stats), limit))
    columns = [name for name in (rows[0] if rows else {}) if name not in _OWN_COLUMNS]
    with closing(AttributionLog(folder, columns)) as log:
        missing = [row for row in rows if row["url"] not in log.present]
        stats.present = len(rows) - len(missing)
        fetcher = _Fetcher(folder, policy, log, stats, is_allowed, on_image)
        hosts: dict[str, list[Row]] = {}
        for row in missing:
            hosts.setdefault(_host(row["url"]), []).append(row)
        fetcher.run(hosts)
    return stats


class _Fetcher:
    def __init__(
        self,
        folder: Path,
        policy: CrawlPolicy,
        log: AttributionLog,
        stats: DownloadStats,
        is_allowed: Callable[[str], bool] | None,
        done: Callable[[], None],
    ) -> None:
        self._folder, self._policy, self._log, self._stats = folder, policy, log, stats
        self._stop, self._counting = threading.Event(), threading.Lock()
        self._decoding = threading.Lock()  # one at a time: a hostile image can be huge
        self._web = SafeHttpClient(policy.timeout, policy.max_bytes, policy.contact, is_allowed)
        self._rate = RateLimiter(policy.per_host, self._stop)
        self._robots = RobotsCache(self._web, lambda url: self._rate.wait(_host(url)))
        self._done = done

    def run(self, hosts: dict[str, list[Row]]) -> None:
        """Visit all hosts; when interrupted, abort the requests in progress and wait for them."""
        pool = ThreadPoolExecutor(self._policy.hosts)
        try:
            for future in as_completed([pool.submit(self._visit, r) for r in hosts.values()]):
                future.result()
        finally:
            self._stop.set()
            self._web.stop()
            pool.shutdown(cancel_futures=True)

    def _visit(self, rows: list[Row]) -> None:
        """Download the images of one host, until it fails too often."""
        failures = 0
        for row in rows:
            if self._stop.is_set():
                return
            gave_up = failures >= _MAX_FAILURES
            failures = (failures + 1) if gave_up else self._try(row, failures)
            if gave_up:
                self._fail(row, "skipped after several failures of this host")

    def _try(self, row: Row, failures: int) -> int:
        """Download an image and return the number of failures in a row."""
        try:
            self._save(row, self._download(row["url"]))
        except TransientFetchError as error:
            self._fail(row, error.message)
            return _MAX_FAILURES if error.wait > _MAX_WAIT else failures + 1
        except TargetError:
            raise  # the next one could not be written either
        except RechromaError as error:
            self._fail(row, error.message)
        except Exception as error:  # one odd response must not end hours of work
            self._fail(row, InternalError.from_exception(error).message)
        return 0

    def _download(self, url: str) -> bytes:
        for attempt in range(self._policy.retries + 1):
            try:
                response = self._web.get(
                    url, lambda hop: self._rate.wait(_host(hop), self._robots.check(hop))
                )
                if response.status in _TRANSIENT_STATUSES:
                    raise TransientFetchError(
                        f"HTTP status {response.status}", _host(response.url), response.wait
                    )
                if response.status != 200:
                    raise FetchError(f"HTTP status {response.status}")
                return response.body
            except TransientFetchError as error:
                if attempt == self._policy.retries or error.wait > _MAX_WAIT:
                    raise
                pause = self._policy.backoff * 2**attempt * random.uniform(0.5, 1.5)
                self._rate.pause(error.host, max(error.wait, pause))
        raise AssertionError  # the last attempt returns or raises

    def _save(self, row: Row, data: bytes) -> None:
        with self._decoding:
            suffix = FORMATS[sniff(data)][0]
            read_rgb_thumbnail(data, _CHECK_SIDE, max_pixels=_MAX_PIXELS)
        name = hashlib.sha256(row["url"].encode("utf-8", "replace")).hexdigest()[:_NAME_LENGTH]
        write_atomically(self._folder / f"{name}{suffix}", data, overwrite=True)
        saved = {
            "file": f"{name}{suffix}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with translate_os_errors(self._folder), self._counting:
            self._log.add(row | saved)
            self._stats.fetched += 1
            self._done()

    def _fail(self, row: Row, reason: str) -> None:
        if self._stop.is_set():
            return  # it was not the host that failed
        with translate_os_errors(self._folder), self._counting:
            self._log.add_failure(row["url"], reason)
            self._stats.failed[reason] += 1
            self._done()


def _select_rows(table: Path, licenses: Collection[str], stats: DownloadStats) -> Iterator[Row]:
    """Yield the rows under accepted licenses, each URL once."""
    asked = {license_name(license) for license in licenses}
    seen: set[str] = set()
    for row in read_table(table, ("url", "license", "author")):
        url = row["url"].strip()
        if not url or url in seen:
            continue
        seen.add(url)
        if asked and license_name(row["license"]) not in asked:
            stats.unwanted += 1
            continue
        yield row | {"url": url}
    if not seen:
        raise DataError(f"{table}: lists no image", hint="Fill its column url.")


def _host(url: str) -> str:
    with suppress(FetchError):
        return split_url(url).hostname or ""
    return ""


def license_name(text: str) -> str:
    """Normalize a license to its name without version and country, such as ``cc-by-sa``.

    Args:
        text: Name of the license in any spelling, or the URL of a Creative Commons deed.
    """
    text = text.strip().lower()
    if deed := _DEED.search(text):
        return _DEEDS.get(deed[1], f"cc-{deed[1]}")
    name = _LICENSE_VERSION.sub("", re.sub(r"[\s_/]+", "-", text)).strip("-")
    name = re.sub(r"^(by|nc)(?=-|$)", r"cc-\1", name)
    return _LICENSE_ALIASES.get(name, name)
