"""Writing the decision log as files. Everything here blocks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from qbrixstore.decisions import COLUMNS
from qbrixstore.decisions import Rows
from qbrixstore.parquet import parts
from qbrixstore.parquet.columns import arrow
from qbrixstore.parquet.parts import Part

# many small files are put together, until they are as large as this
MANY: Final = 32
LARGE_BYTES: Final = 16 * 2**20
ABANDONED_SEC: Final = 3_600.0


class DecisionFiles:
    """The writing end of one directory. Any number of processes may write to it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, table: str, rows: Rows) -> set[date]:
        """Rows in the order of their stream, on disk when this returns.

        The days they are of. Raises OSError.
        """
        days = set()
        # a row starts with its place: experiment, day, source, entry
        for (day, source), same in groupby(rows, key=lambda row: row[1:3]):
            of_day = list(same)
            first, last = of_day[0][3:5], of_day[-1][3:5]
            self._write(table, Part(day, source, first, last), arrow(table, of_day))
            days.add(day)
        return days

    def tidy(self, table: str, day: date) -> int:
        """Delete files that others contain, put many small ones together.

        Returns how many files there are less. Raises OSError.
        """
        directory = self._root / table
        found = parts.parts(directory, day)
        used = [part for part, _ in parts.needed(found)]
        for part in set(found) - set(used):
            self._delete(table, part)
        less = len(found) - len(used)
        for run in self._runs(table, used):
            self._merge(table, run)
            less += len(run) - 1
        parts.forget_partial(directory, time.time() - ABANDONED_SEC)
        return less

    def drop_before(self, day: date) -> list[str]:
        """Delete earlier days; returns what was deleted. Raises OSError."""
        dropped = []
        for table in COLUMNS:
            for old in parts.days(self._root / table):
                if old < day:
                    shutil.rmtree(self._root / table / f"day={old}")
                    dropped.append(f"{table}/{old}")
        return dropped

    def _write(self, table: str, part: Part, rows: Any) -> None:
        with parts.written(self._root / table / part.name) as place:
            pq.write_table(rows, place, compression="zstd")

    def _runs(self, table: str, used: Sequence[Part]) -> Iterator[list[Part]]:
        """Neighbours of one source that are small, where they are many."""
        for _, of_source in groupby(used, key=lambda part: part.source):
            run: list[Part] = []
            for part in of_source:
                if self._size(table, part) < LARGE_BYTES:
                    run.append(part)
                elif len(run) < MANY:
                    run = []
                else:
                    break
            if len(run) >= MANY:
                yield run

    def _merge(self, table: str, run: Sequence[Part]) -> None:
        files = [self._root / table / part.name for part in run]
        try:
            read = [pq.ParquetFile(file).read() for file in files]
        except FileNotFoundError:
            # another process is at it
            return
        rows = pa.concat_tables(read).sort_by(
            [(name, "ascending") for name in ("experiment_id", "entry_ms")]
        )
        first = run[0]
        whole = Part(first.day, first.source, first.first, run[-1].last)
        self._write(table, whole, rows)
        for part in run:
            self._delete(table, part)

    def _size(self, table: str, part: Part) -> int:
        with suppress(FileNotFoundError):
            return (self._root / table / part.name).stat().st_size
        return LARGE_BYTES

    def _delete(self, table: str, part: Part) -> None:
        (self._root / table / part.name).unlink(missing_ok=True)
