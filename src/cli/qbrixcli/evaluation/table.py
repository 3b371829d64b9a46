"""Logs as tables of text: read from files, and turned into arrays."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.schema import ContextSchema

PACKAGED = ("men_random", "men_bts")


class Table(msgspec.Struct, frozen=True):
    """Columns of text of equal length, by name."""

    name: str
    columns: dict[str, list[str]]

    @classmethod
    def read(cls, name: str) -> Table:
        """A file, or one of the packaged logs. Raises Invalid, OSError."""
        rows = _parquet(name) if name.endswith(".parquet") else _csv(name)
        if len(rows) < 2:
            raise Invalid(f"{name} has no rows")
        heading, *body = rows
        if any(len(row) != len(heading) for row in body):
            raise Invalid(f"{name} must have as many columns in every row")
        return cls(name, {key: list(c) for key, *c in zip(*rows, strict=True)})

    def text(self, *names: str) -> NDArray[np.str_]:
        """The first column there is of these. Raises Invalid."""
        for name in names:
            if name in self.columns:
                return np.array(self.columns[name], dtype=str)
        raise Invalid(
            f"{self.name} has no column {' or '.join(names)},"
            f" only {', '.join(self.columns)}"
        )

    def numbers(self, *names: str) -> NDArray[np.float64]:
        """The same as numbers. Raises Invalid."""
        found = self.text(*names)
        try:
            return found.astype(np.float64)
        except ValueError:
            raise Invalid(f"column {names[0]} of {self.name} must be numbers") from None

    def contexts(self, names: Sequence[str]) -> NDArray[np.float32]:
        """The columns as features (N, D): numbers scaled, texts one slot a value.

        They are encoded as a context schema encodes properties. Raises Invalid.
        """
        columns = {name: self.text(name) for name in names}
        if not columns:
            return np.empty((len(next(iter(self.columns.values()))), 0), np.float32)
        typed: dict[str, list[Any]] = {}
        declared = []
        for name, column in columns.items():
            feature, typed[name] = _declared(name, column)
            declared.append(feature)
        schema = ContextSchema.parse(declared)
        rows = list(zip(*typed.values(), strict=True))
        encoded = {
            row: schema.encode(dict(zip(typed, row, strict=True))) for row in rows
        }
        return np.array([encoded[row] for row in rows], dtype=np.float32)


def _declared(name: str, column: NDArray[np.str_]) -> tuple[dict[str, Any], list[Any]]:
    try:
        numbers = column.astype(np.float64)
    except ValueError:
        values = np.unique(column).tolist()
        return {"type": "categorical", "name": name, "values": values}, column.tolist()
    bounds = {"min": float(numbers.min()), "max": float(numbers.max())}
    return {"type": "numeric", "name": name, **bounds}, numbers.tolist()


def _csv(name: str) -> list[list[str]]:
    return list(csv.reader(_text(name).splitlines()))


def _parquet(name: str) -> list[list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(name)
    except pa.ArrowInvalid as error:
        raise Invalid(f"{name} is no parquet file: {error}") from None
    columns = [
        ["" if cell is None else str(cell) for cell in column.to_pylist()]
        for column in table.columns
    ]
    return [table.column_names, *map(list, zip(*columns, strict=True))]


def _text(name: str) -> str:
    if name in PACKAGED:
        packed = resources.files("qbrixcli.demo") / "data" / f"{name}.csv.gz"
        return gzip.decompress(packed.read_bytes()).decode()
    opened = gzip.open if name.endswith(".gz") else open
    try:
        with opened(name, "rt", newline="") as file:
            return str(file.read())
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not text") from None
