"""Reads the tables that people keep their data sets in: CSV, and Parquet where pyarrow is there."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from rechroma.errors import DataError, MissingExtraError, install_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Row = dict[str, str]

_MAX_FIELD = 1 << 20


def read_table(path: Path, needed: Iterable[str]) -> Iterator[Row]:
    """The rows of a CSV file (UTF-8, its first line names the columns) or a Parquet file.

    Args:
        path: The file; what ends with `.parquet` is one.
        needed: Columns that have to be there.

    Returns:
        Rows by column; what a row lacks is empty.

    Raises:
        DataError: The file cannot be read, or lacks a column.
        MissingExtraError: It is a Parquet file, and pyarrow is not installed.
    """
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    for number, row in enumerate(rows):
        missing = [name for name in needed if name not in row] if number == 0 else []
        if missing:
            raise DataError(f"{path}: lacks the column {missing[0]!r}", hint=_columns(row))
        yield row


def _columns(row: Row) -> str:
    return f"Its first line names the columns; here: {', '.join(row):.200}."


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_MAX_FIELD)
    try:
        # What is no UTF-8 may be a file's name, and comes back as that name.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            for cells in reader:
                if cells:
                    yield dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV file: {error}") from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(
            "Parquet files need pyarrow, which is not installed",
            hint=f"{install_hint('parquet')}; or make a CSV file of the list.",
        ) from error
    try:
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    yield {name.strip().lower(): _text(value) for name, value in row.items()}
    except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
        raise DataError(f"{path}: not a readable Parquet file: {error}") from error


def _text(value: object) -> str:
    return "" if value is None else str(value)
