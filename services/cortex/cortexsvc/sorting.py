"""Sorting a batch: events decoded and put together by experiment, in log order."""

from __future__ import annotations

from bisect import bisect_left
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from qbrixcore.errors import InvalidFeedback
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import order
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.event import LogEvent
from qbrixstore.redis.event import decode_many

Key = tuple[str, str]


class Control(NamedTuple):
    """A control event and its row in the batch."""

    row: int
    event: ControlEvent


class Group(msgspec.Struct):
    """Events of one experiment; ``rows`` are their positions in the whole batch."""

    events: list[FeedbackEvent] = []
    rows: list[int] = []
    controls: list[Control] = []

    def __len__(self) -> int:
        return len(self.events) + len(self.controls)

    def all_rows(self) -> list[int]:
        """The rows of rewards and control events, in no particular order."""
        return [*self.rows, *(control.row for control in self.controls)]

    def restored(self, generation: int) -> set[int]:
        """Versions that generations behind this one start from."""
        events = [control.event for control in self.controls]
        return {
            event.restored
            for event in events
            if event.restored is not None and event.generation > generation
        }

    def behind(self, rows: int) -> Group:
        """The part that starts at a row of the batch."""
        cut = bisect_left(self.rows, rows)
        controls = [control for control in self.controls if control.row >= rows]
        if cut == 0 and len(controls) == len(self.controls):
            return self
        return Group(self.events[cut:], self.rows[cut:], controls)

    def course(self) -> Iterator[Group | Control]:
        """Rewards and control events as they follow each other in the log."""
        if not self.controls:
            yield self
            return
        start = 0
        for control in self.controls:
            end = bisect_left(self.rows, control.row)
            yield Group(self.events[start:end], self.rows[start:end])
            yield control
            start = end
        yield Group(self.events[start:], self.rows[start:])

    def of_generation(self, generation: int) -> Group:
        """The part that belongs to a generation."""
        if all(event.generation == generation for event in self.events):
            return self
        return self.at(
            [
                place
                for place, event in enumerate(self.events)
                if event.generation == generation
            ]
        )

    def at(self, places: Sequence[int]) -> Group:
        """The part at these places of the group."""
        return Group(
            [self.events[place] for place in places],
            [self.rows[place] for place in places],
        )


class Sorted:
    """A batch by (tenant, experiment); ``undecodable`` says why by row."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.groups: dict[Key, Group] = {}
        self.undecodable: dict[int, str] = {}
        self._ends = list(accumulate(len(entry.events) for entry in batch.entries))
        row = 0
        for entry in batch.entries:
            for event in decode_many(entry.events):
                if isinstance(event, InvalidFeedback):
                    self.undecodable[row] = str(event)
                else:
                    self._put(event, row)
                row += 1

    def _put(self, event: LogEvent, row: int) -> None:
        key = (event.tenant, event.experiment)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
        if isinstance(event, ControlEvent):
            group.controls.append(Control(row, event))
        else:
            group.events.append(event)
            group.rows.append(row)

    def rows_through(self, stream_id: str) -> int:
        """How many rows lie in entries up to and with this id."""
        last = order(stream_id)
        if last <= order(self.batch.start):
            return 0
        count = bisect_right(
            self.batch.entries, last, key=lambda entry: order(entry.id)
        )
        return self._ends[count - 1] if count else 0

    def dead_letter(self, row: int, reason: str) -> DeadLetter:
        """A row of the batch as a dead letter."""
        place = bisect_right(self._ends, row)
        entry = self.batch.entries[place]
        offset = row - (self._ends[place] - len(entry.events))
        return DeadLetter(entry.id, offset, reason, entry.events[offset])
