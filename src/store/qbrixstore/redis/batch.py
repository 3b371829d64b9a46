"""What goes between the log and who learns from it: entries read, results committed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple
from typing import Self

import msgspec

ENTRIES_A_READ: Final = 256
STATE_BYTES_A_PART: Final = 4 * 2**20
UPDATES_A_PART: Final = 500


class Entry(NamedTuple):
    """One log entry: its stream id and the bytes of its events, by offset."""

    id: str
    events: list[bytes]


class Typical(NamedTuple):
    """What an entry holds of late: events, and bytes of events."""

    events: float = 64.0
    size: float = 64 * 1024.0

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """The mean of some entries."""
        events = sum(len(entry.events) for entry in entries)
        size = sum(sum(map(len, entry.events)) for entry in entries)
        return cls(max(1, events) / len(entries), max(1, size) / len(entries))

    def fitting(self, events: int, size: int) -> int:
        """How many entries hold this much, between 1 and what one read may ask for."""
        wanted = min(events / self.events, size / self.size)
        return min(max(1, math.ceil(wanted)), ENTRIES_A_READ)


class Batch(msgspec.Struct):
    """Consecutive whole entries, from behind id ``start`` up to and with id ``end``."""

    start: str
    end: str
    entries: list[Entry] = []
    events: int = 0
    size: int = 0  # bytes of events

    def add(self, entries: Sequence[Entry], events: int, size: int) -> int:
        """Append what follows in the log until ``events`` or ``size`` more are reached.

        Returns the number of entries taken.
        """
        events, size = self.events + events, self.size + size
        taken = 0
        for entry in entries:
            if self.events >= events or self.size >= size:
                break
            self.entries.append(entry)
            self.events += len(entry.events)
            self.size += sum(map(len, entry.events))
            self.end = entry.id
            taken += 1
        return taken

    def extend(self, following: Batch) -> None:
        """Append a batch that starts where this one ends."""
        self.entries += following.entries
        self.events += following.events
        self.size += following.size
        self.end = following.end

    def first_ms(self) -> int:
        """When the first entry was appended, milliseconds of the server's clock."""
        return milliseconds(self.entries[0].id)


class DeadLetter(NamedTuple):
    """An event that cannot be learned, by its place in the log."""

    id: str
    offset: int
    reason: str
    event: bytes


class Tally(msgspec.Struct, frozen=True):
    """Events that are acknowledged without being learned.

    ``stale`` ones belong to another generation, ``dropped`` ones to a removed
    experiment, ``dead`` ones are kept with the reason.
    """

    stale: int = 0
    dropped: int = 0
    dead: tuple[DeadLetter, ...] = ()


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """New params of an experiment, for the generation and version they were made from.

    ``learned`` counts the events in them that the expected version had not learned;
    ``tally`` has the experiment's other events, and is committed with the params.
    """

    tenant: str
    experiment: str
    expected: tuple[int, int]
    generation: int
    version: int
    state: bytes
    learned: int
    tally: Tally = Tally()


def parts(updates: Sequence[Update], size: int, count: int) -> Iterator[list[Update]]:
    """Updates in runs of at most ``size`` bytes of state and ``count`` updates.

    An update larger than ``size`` makes a run of its own. There is always a last run,
    if only an empty one.
    """
    run: list[Update] = []
    held = 0
    for update in updates:
        if run and (held + len(update.state) > size or len(run) == count):
            yield run
            run, held = [], 0
        run.append(update)
        held += len(update.state)
    yield run


def milliseconds(stream_id: str) -> int:
    """The time in a stream id."""
    return int(stream_id.partition("-")[0])


def order(stream_id: str) -> tuple[int, int]:
    """A key by which stream ids sort as the log does."""
    ms, _, sequence = stream_id.partition("-")
    return int(ms), int(sequence)


def following(stream_id: str) -> str:
    """The least id behind this one."""
    ms, sequence = order(stream_id)
    return f"{ms}-{sequence + 1}"
