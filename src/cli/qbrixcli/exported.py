"""The files that ``qbrix export`` writes: the same columns in each form."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import IO
from typing import Any
from typing import Final
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS: Final[Mapping[str, Any]] = {
    "token": pa.string(),
    "issued_ms": pa.int64(),
    "context_id": pa.string(),
    "generation": pa.int64(),
    "param_version": pa.int64(),
    "arm": pa.string(),
    "arm_name": pa.string(),
    "propensity": pa.float64(),
    "reward": pa.float64(),
}
ROWS_AT_ONCE: Final = 8_192

Row = tuple[object, ...]


class Writer(Protocol):
    """Takes rows of ``COLUMNS`` and so many features."""

    def begin(self, features: int) -> None:
        """Before the first row."""

    def write(self, row: Row) -> None:
        """None is a missing cell."""


class CsvWriter:
    """Text; floats are written so that they read back the same."""

    def __init__(self, file: Any) -> None:
        self._writer = csv.writer(file)

    def begin(self, features: int) -> None:
        self._writer.writerow([*COLUMNS, *_names(features)])

    def write(self, row: Row) -> None:
        self._writer.writerow(row)


class ParquetWriter:
    """Columns, features as the 32-bit floats they are."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._schema = pa.schema([])
        self._rows: list[Row] = []
        self._writer: Any = None

    def begin(self, features: int) -> None:
        fields = [
            *COLUMNS.items(),
            *((name, pa.float32()) for name in _names(features)),
        ]
        self._schema = pa.schema(fields)
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what the file ends with, if it was begun."""
        if self._writer is not None:
            self._flush()
            self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


@contextmanager
def written(form: str, name: str | None) -> Iterator[Writer]:
    """A file of one form, standard output without a name. Raises OSError."""
    if form == "csv":
        with _opened(name, binary=False) as file:
            yield CsvWriter(file)
        return
    with _opened(name, binary=True) as file:
        writer = ParquetWriter(file)
        yield writer
        writer.close()


@contextmanager
def _opened(name: str | None, *, binary: bool) -> Iterator[IO[Any]]:
    if name is None:
        yield sys.stdout.buffer if binary else sys.stdout
    elif binary:
        with open(name, "wb") as file:
            yield file
    else:
        with open(name, "w", newline="", encoding="utf-8") as text:
            yield text


def _names(features: int) -> list[str]:
    return [f"x{number}" for number in range(features)]
