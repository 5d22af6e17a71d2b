"""Readers of tables: CSV, and Parquet with pyarrow installed."""

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
    """Read the rows of a CSV file (UTF-8, with a header) or a Parquet file.

    Args:
        path: The file; Parquet if its name ends with `.parquet`.
        needed: Required columns.

    Returns:
        Rows by column; missing cells are empty.

    Raises:
        DataError: The file cannot be read, or a required column is missing.
        MissingExtraError: It is a Parquet file, and pyarrow is not installed.
    """
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    for number, row in enumerate(rows):
        missing = [name for name in needed if name not in row] if number == 0 else []
        if missing:
            raise DataError(
                f"{path}: has no column {missing[0]!r}",
                hint=f"The first line must name the columns; found: {', '.join(row):.200}.",
            )
        yield row


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_MAX_FIELD)
    try:
        # Bytes that are not UTF-8 may be part of a file's name and must survive.
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
            hint=f"{install_hint('parquet')}; or convert the list to CSV.",
        ) from error
    try:
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    yield {
                        name.strip().lower(): "" if value is None else str(value)
                        for name, value in row.items()
                    }
    except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
        raise DataError(f"{path}: not a readable Parquet file: {error}") from error
