"""What a command shows: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import NamedTuple
from typing import TextIO

from qbrixcli.resources.plain import plain

Row = Mapping[str, Any]
WIDE = 100_000


class Field(NamedTuple):
    """One column of a table, or one line of a record."""

    heading: str
    of: Callable[[Row], object]
    right: bool = False


class View(NamedTuple):
    """How a kind of thing is shown, alone and among others."""

    plural: str
    columns: Sequence[Field]
    lines: Sequence[Field]
    inside: Sequence[tuple[Callable[[Row], Sequence[Row]], View]] = ()
    """lists inside of a record, each as a table below it"""
    key: str = "id"
    """what other commands call it by"""


class Output:
    """Writes to a stream; as JSON or only ids if asked to, else as tables."""

    def __init__(
        self, stream: TextIO, as_json: bool = False, quiet: bool = False
    ) -> None:
        self._stream = stream
        self._as_json = as_json
        self._quiet = quiet

    def record(self, view: View, row: Row) -> None:
        """One thing."""
        if self._as_json:
            self._json(row)
        elif self._quiet:
            self._ids(view, [row])
        else:
            self._record(view, row)

    def _record(self, view: View, row: Row) -> None:
        lines = [[line.heading, _text(line.of(row))] for line in view.lines]
        self._grid([line for line in lines if line[1]])
        for rows_of, inner in view.inside:
            rows = rows_of(row)
            if rows:
                self._stream.write("\n")
                self._table(inner, rows)

    def rows(self, view: View, rows: Sequence[Row]) -> None:
        """Some things."""
        if self._as_json:
            self._json(rows)
        elif self._quiet:
            self._ids(view, rows)
        elif rows:
            self._table(view, rows)
        else:
            self._stream.write(f"no {view.plural}\n")

    def said(self, text: str, answer: object) -> None:
        """A sentence for people, the whole answer for programs."""
        if self._as_json:
            self._json(answer)
        elif not self._quiet:
            self._stream.write(f"{plain(text)}\n")

    def _ids(self, view: View, rows: Sequence[Row]) -> None:
        for row in rows:
            self._stream.write(f"{_text(row.get(view.key))}\n")

    def _json(self, value: object) -> None:
        self._stream.write(json.dumps(value, indent=2) + "\n")

    def _table(self, view: View, rows: Sequence[Row]) -> None:
        cells = [[_text(column.of(row)) for column in view.columns] for row in rows]
        self._grid(cells, view.columns)

    def _grid(
        self, cells: Sequence[Sequence[str]], columns: Sequence[Field] = ()
    ) -> None:
        # only what prints a table loads it
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=None, pad_edge=False, show_header=bool(columns), padding=(0, 2, 0, 0)
        )
        for column in columns:
            table.add_column(
                column.heading,
                justify="right" if column.right else "left",
                overflow="fold",
            )
        for row in cells:
            table.add_row(*(Text(cell, overflow="fold") for cell in row))
        # a program that reads lines wants whole ones
        width = None if self._stream.isatty() else WIDE
        console = Console(file=self._stream, width=width, highlight=False)
        for line in _lines(console, table):
            self._stream.write(line)


def _lines(console: Any, table: Any) -> Sequence[str]:
    """What the table prints, without the spaces that fill it up."""
    with console.capture() as capture:
        console.print(table)
    return [f"{line.rstrip()}\n" for line in str(capture.get()).splitlines()]


def at(*path: str) -> Callable[[Row], object]:
    """What is found by following the names, None where one is missing."""

    def of(row: Row) -> object:
        value: Any = row
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return of


def time_at(name: str) -> Callable[[Row], object]:
    """A time: epoch seconds, or ISO 8601."""

    def of(row: Row) -> object:
        value = row.get(name)
        if isinstance(value, str):
            value = datetime.fromisoformat(value).timestamp()
        return None if value is None else when(value)

    return of


def when(seconds: float) -> str:
    """Epoch seconds as people write them."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    return plain(str(value))
