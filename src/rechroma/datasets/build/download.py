"""Fetches the pictures of a list, with their licenses and authors, as a good guest.

Pictures come one at a time from each host, at its pace and as its robots.txt allows; several hosts
are asked at once. What is there is not fetched again.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from rechroma.datasets.build.attribution import AttributionLog
from rechroma.datasets.build.licenses import license_name
from rechroma.datasets.build.politeness import Pace, RobotsCache
from rechroma.datasets.build.tables import read_table
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
from rechroma.safe_http import TransientFetchError, Web, split_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from rechroma.datasets.build.tables import Row

_MAX_WAIT = 300.0  # seconds that a host may ask to wait before it is left alone
_MAX_IN_A_ROW = 5  # failures after which a host is left alone
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_NAME_LENGTH = 20
_LOOK = 64  # side of the copy that is decoded to see whether a picture is whole
_MAX_PIXELS = 100_000_000
_OWN = ("file", "sha256", "when")  # columns that are ours to fill


@dataclass(frozen=True)
class CrawlPolicy:
    """How hosts are treated.

    Attributes:
        per_host: Requests a second that go to one host, at the most.
        hosts: How many hosts are asked at once.
        timeout: Seconds that a request may take.
        max_bytes: The largest picture to take.
        retries: How often a picture is asked for again after what may be over in a while.
        backoff: Seconds before the first of these; twice as long before each further one.
        contact: A mail address, by which whoever runs a host can reach the user.
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
            raise OptionError(f"the contact {self.contact!r} cannot be told to hosts")


@dataclass
class Tally:
    """What became of a list.

    Attributes:
        fetched: Pictures that were fetched.
        present: Pictures that were there.
        unwanted: Pictures under other licenses than those asked for.
        failed: How many could not be fetched, by reason; each is named in `failed.csv`.
    """

    fetched: int = 0
    present: int = 0
    unwanted: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def fetch(
    table: Path,
    folder: Path,
    manners: CrawlPolicy | None = None,
    *,
    licenses: Collection[str] = (),
    limit: int | None = None,
    is_allowed: Callable[[str], bool] | None = None,
    on_picture: Callable[[], None] = lambda: None,
) -> Tally:
    """Fetch what a list names.

    Args:
        table: CSV or Parquet with the columns `url`, `license` and `author`; others are kept.
        folder: Where the pictures go, with `attribution.csv` and `failed.csv`.
        manners: How hosts are treated.
        licenses: Take only pictures under these, such as ``cc0`` and ``cc-by``; of any version.
        limit: Take only so many of the list.
        is_allowed: Whether an IP address may be connected to; without, if it is a public one.
        on_picture: Called after each, from several threads.

    Raises:
        DataError: The list cannot be read.
        MissingExtraError: It is a Parquet file, and pyarrow is not installed.
        TargetError: The folder cannot be written.
    """
    manners, tally = manners or CrawlPolicy(), Tally()
    rows = list(islice(_wanted(table, licenses, tally), limit))
    columns = [name for name in (rows[0] if rows else {}) if name not in _OWN]
    with closing(AttributionLog(folder, columns)) as ledger:
        missing = [row for row in rows if row["url"] not in ledger.present]
        tally.present = len(rows) - len(missing)
        fetcher = _Fetcher(folder, manners, ledger, tally, is_allowed, on_picture)
        fetcher.run(_by_host(missing))
    return tally


class _Fetcher:
    def __init__(
        self,
        folder: Path,
        manners: CrawlPolicy,
        ledger: AttributionLog,
        tally: Tally,
        is_allowed: Callable[[str], bool] | None,
        done: Callable[[], None],
    ) -> None:
        self._folder, self._manners, self._ledger, self._tally = folder, manners, ledger, tally
        self._stop, self._counting = threading.Event(), threading.Lock()
        self._decoding = threading.Lock()  # one at a time: a hostile picture may be huge
        self._web = Web(manners.timeout, manners.max_bytes, manners.contact, is_allowed)
        self._pace = Pace(manners.per_host, self._stop)
        self._robots = RobotsCache(self._web, lambda url: self._pace.turn(_host(url)))
        self._done = done

    def run(self, hosts: dict[str, list[Row]]) -> None:
        """Fetch all; when it is ended early, it ends the requests under way and waits for it."""
        pool = ThreadPoolExecutor(self._manners.hosts)
        try:
            for future in as_completed([pool.submit(self._visit, r) for r in hosts.values()]):
                future.result()
        finally:
            self._stop.set()
            self._web.stop()
            pool.shutdown(cancel_futures=True)

    def _visit(self, rows: list[Row]) -> None:
        """Fetch the pictures of one host, until there are none or it does not want to."""
        in_a_row = 0
        for row in rows:
            if self._stop.is_set():
                return
            left_alone = in_a_row >= _MAX_IN_A_ROW
            in_a_row = (in_a_row + 1) if left_alone else self._try(row, in_a_row)
            if left_alone:
                self._miss(row, "the host was left alone after several failures")

    def _try(self, row: Row, in_a_row: int) -> int:
        """Fetch a picture, and count the failures of the host in a row."""
        try:
            self._save(row, self._picture(row["url"]))
        except TransientFetchError as error:
            self._miss(row, error.message)
            return _MAX_IN_A_ROW if error.wait > _MAX_WAIT else in_a_row + 1
        except TargetError:
            raise  # the next one could not be written either
        except RechromaError as error:
            self._miss(row, error.message)
        except Exception as error:  # one odd answer must not end hours of work
            self._miss(row, InternalError.from_exception(error).message)
        return 0

    def _picture(self, url: str) -> bytes:
        for attempt in range(self._manners.retries + 1):
            try:
                return self._attempt(url)
            except TransientFetchError as error:
                if attempt == self._manners.retries or error.wait > _MAX_WAIT:
                    raise
                pause = self._manners.backoff * 2**attempt * random.uniform(0.5, 1.5)
                self._pace.hold(error.host, max(error.wait, pause))
        raise AssertionError  # the last attempt returns or raises

    def _attempt(self, url: str) -> bytes:
        answer = self._web.follow(url, self._ask)
        if answer.status in _PASSING:
            raise TransientFetchError(
                f"HTTP status {answer.status}", _host(answer.url), answer.wait
            )
        if answer.status != 200:
            raise FetchError(f"HTTP status {answer.status}")
        return answer.body

    def _ask(self, url: str) -> None:
        self._pace.turn(_host(url), self._robots.check(url))

    def _save(self, row: Row, data: bytes) -> None:
        with self._decoding:
            suffix = FORMATS[sniff(data)][0]
            read_rgb_thumbnail(data, _LOOK, max_pixels=_MAX_PIXELS)
        name = hashlib.sha256(row["url"].encode("utf-8", "replace")).hexdigest()[:_NAME_LENGTH]
        write_atomically(self._folder / f"{name}{suffix}", data, overwrite=True)
        facts = {
            "file": f"{name}{suffix}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._note(row | facts)

    def _note(self, row: Row) -> None:
        with translate_os_errors(self._folder), self._counting:
            self._ledger.add(row)
            self._tally.fetched += 1
            self._done()

    def _miss(self, row: Row, reason: str) -> None:
        if self._stop.is_set():
            return  # it was not the host that failed
        with translate_os_errors(self._folder), self._counting:
            self._ledger.miss(row["url"], reason)
            self._tally.failed[reason] += 1
            self._done()


def _wanted(table: Path, licenses: Collection[str], tally: Tally) -> Iterator[Row]:
    """The rows of a list under the licenses asked for, each URL once."""
    asked = {license_name(license) for license in licenses}
    seen: set[str] = set()
    for row in read_table(table, ("url", "license", "author")):
        url = row["url"].strip()
        if not url or url in seen:
            continue
        seen.add(url)
        if asked and license_name(row["license"]) not in asked:
            tally.unwanted += 1
            continue
        yield row | {"url": url}
    if not seen:
        raise DataError(f"{table}: names no picture")


def _by_host(rows: list[Row]) -> dict[str, list[Row]]:
    hosts: dict[str, list[Row]] = {}
    for row in rows:
        hosts.setdefault(_host(row["url"]), []).append(row)
    return hosts


def _host(url: str) -> str:
    with suppress(FetchError):
        return split_url(url).hostname or ""
    return ""
