"""Attribution log: author, license and URL of each downloaded image, in `attribution.csv`.

It also tells which images are present. An image is written before its line, so that a download
that was killed at any moment can continue.
"""

from __future__ import annotations

import csv
import io
import threading
from typing import TYPE_CHECKING, TextIO

from rechroma.datasets.build.image_folder import ATTRIBUTION
from rechroma.datasets.build.table_readers import read_table
from rechroma.fs import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rechroma.datasets.build.table_readers import Row

FAILED = "failed.csv"
_COLUMNS = ("file", "url", "author", "license", "sha256", "when")


class AttributionLog:
    """Tables of successful and failed downloads in a folder; thread-safe.

    Args:
        folder: Folder of images and tables, created if missing.
        others: Further columns to keep.

    Attributes:
        present: URLs of the images in the folder.

    Raises:
        DataError: An existing table cannot be read.
        TargetError: A table cannot be written.
    """

    def __init__(self, folder: Path, others: Iterable[str]) -> None:
        path, self._lock = folder / ATTRIBUTION, threading.Lock()
        rows: list[Row] = []
        if path.is_file():
            data = path.read_bytes()
            if not data.endswith(b"\n"):  # the last line was cut off
                write_atomically(path, data[: data.rfind(b"\n") + 1], overwrite=True)
            rows += (row for row in read_table(path, _COLUMNS) if (folder / row["file"]).is_file())
        known = rows[0] if rows else {}
        self._columns = list(dict.fromkeys((*_COLUMNS, *known, *others)))
        self.present = {row["url"] for row in rows}
        self._failed_columns = ("url", "reason")
        write_atomically(path, _text(rows, self._columns), overwrite=True)
        write_atomically(folder / FAILED, _text([], self._failed_columns), overwrite=True)
        self._attribution = path.open("a", encoding="utf-8", newline="")
        self._failed = (folder / FAILED).open("a", encoding="utf-8", newline="")

    def add(self, row: Row) -> None:
        """Log a downloaded image."""
        self._write(self._attribution, row, self._columns)

    def add_failure(self, url: str, reason: str) -> None:
        """Log a failed download."""
        self._write(self._failed, {"url": url, "reason": reason}, self._failed_columns)

    def close(self) -> None:
        """Close the tables."""
        self._attribution.close()
        self._failed.close()

    def _write(self, file: TextIO, row: Row, columns: Iterable[str]) -> None:
        with self._lock:
            file.write(_line(row, columns))
            file.flush()


def _text(rows: Iterable[Row], columns: Iterable[str]) -> bytes:
    header = {name: name for name in columns}
    return "".join(_line(row, header) for row in (header, *rows)).encode()


def _line(row: Row, columns: Iterable[str]) -> str:
    """Format one line of CSV; line breaks, controls and undecodable bytes are replaced."""
    buffer = io.StringIO()
    values = [" ".join(row.get(name, "").split()) for name in columns]
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue().encode("utf-8", "replace").decode()
