"""Files of the decision log: which there are, and what part of a stream each has.

    <root>/<table>/day=2026-01-31/<source>_<first entry>_<last entry>.parquet

A file has every row that its source wrote into its table from the first of these
entries to the last, and is never changed. What is written again after a crash, or put
together from several files, has the same rows under another name: of two files whose
parts overlap, each entry is read from the one that starts first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final
from typing import NamedTuple
from typing import Self

EntryId = tuple[int, int]

START: Final[EntryId] = (-1, -1)
_ENDING: Final = ".parquet"
_PARTIAL: Final = ".partial"
_DAY: Final = "day="


class Part(NamedTuple):
    """What one file has."""

    day: date
    source: str
    first: EntryId
    last: EntryId

    @property
    def name(self) -> str:
        """Of the file, below the directory of its table."""
        first, last = ("{}-{}".format(*one) for one in (self.first, self.last))
        return f"{_DAY}{self.day}/{self.source}_{first}_{last}{_ENDING}"

    @classmethod
    def of(cls, file: Path) -> Self | None:
        """What a file has by its name, None for a stranger."""
        source, *bounds = file.name.removesuffix(_ENDING).rsplit("_", 2)
        try:
            day = date.fromisoformat(file.parent.name.removeprefix(_DAY))
            first, last = map(_entry_id, bounds)
        except ValueError:
            return None
        return cls(day, source, first, last)


def _entry_id(text: str) -> EntryId:
    ms, number = map(int, text.split("-"))
    return ms, number


def days(directory: Path) -> list[date]:
    """The days of a table that there are files of, in order."""
    found = []
    with suppress(FileNotFoundError):
        for name in os.listdir(directory):
            with suppress(ValueError):
                found.append(date.fromisoformat(name.removeprefix(_DAY)))
    return sorted(found)


def parts(directory: Path, day: date) -> list[Part]:
    """The files of a day by source, in the order of their first entries."""
    files = (directory / f"{_DAY}{day}").glob(f"*{_ENDING}")
    found = [part for file in files if (part := Part.of(file))]
    # of those that start together the longest, which has the rows of the others
    return sorted(found, key=lambda p: (p.source, p.first, [-one for one in p.last]))


def needed(found: Iterable[Part]) -> Iterator[tuple[Part, EntryId]]:
    """Which of these files are to be read, each from behind which entry."""
    for _, of_source in groupby(found, key=lambda part: part.source):
        behind = START
        for part in of_source:
            if part.last > behind:
                yield part, behind
                behind = part.last


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A place to write to; on disk under its own name afterwards, or not at all."""
    _make(file.parent)
    partial = file.with_name(f".{os.getpid()}-{file.name}{_PARTIAL}")
    try:
        yield partial
        _sync(partial)
        partial.replace(file)
        _sync(file.parent)
    finally:
        partial.unlink(missing_ok=True)


def forget_partial(directory: Path, older_than: float) -> None:
    """Delete what those who were killed began before a moment, seconds since 1970."""
    for file in directory.glob(f"*/.*{_PARTIAL}"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < older_than:
                file.unlink()


def _make(directory: Path) -> None:
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for one in missing:
        _sync(one.parent)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
