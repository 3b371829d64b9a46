"""What is counted of one arm within one hour."""

from __future__ import annotations

from typing import Final
from typing import NamedTuple

import msgspec

from qbrixcore.errors import CorruptState

HOUR_MS: Final = 3_600_000

Key = tuple[str, str]  # tenant, experiment


class Cell(msgspec.Struct, array_like=True, gc=False):
    """Counts that add up. ``defaults`` are selections that no bandit decided.

    The least and largest reward mean nothing without feedback, the moments of the
    first and last selection (milliseconds since 1970) nothing without selections.
    """

    selections: int = 0
    defaults: int = 0
    feedback: int = 0
    reward_sum: float = 0.0
    reward_min: float = 0.0
    reward_max: float = 0.0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, other: Cell) -> None:
        """Count what another cell has as well."""
        if other.feedback:
            least, largest = other.reward_min, other.reward_max
            if self.feedback:
                least = min(least, self.reward_min)
                largest = max(largest, self.reward_max)
            self.reward_min, self.reward_max = least, largest
        if other.selections:
            first, last = other.first_ms, other.last_ms
            if self.selections:
                first = min(first, self.first_ms)
                last = max(last, self.last_ms)
            self.first_ms, self.last_ms = first, last
        self.selections += other.selections
        self.defaults += other.defaults
        self.feedback += other.feedback
        self.reward_sum += other.reward_sum


class Group(msgspec.Struct):
    """Counts of one experiment within one hour since 1970, and who was selected for."""

    tenant: str
    experiment: str
    hour: int
    arms: dict[int, Cell]
    contexts: list[str]


class CellId(NamedTuple):
    """Which cell: ``source`` tells cells of one hour and arm apart that must be summed.

    There is more than one only if Redis lost what it held, or counts came hours late.
    """

    hour: int
    arm: int
    source: str


class Held(NamedTuple):
    """A cell as of a revision, which grows whenever the cell does."""

    revision: int
    cell: Cell
    raw: bytes = b""  # as it is stored in Redis


class Live(NamedTuple):
    """Cells of an experiment that are, or may be, ahead of Postgres.

    ``revision`` grows with every batch.
    """

    key: Key
    revision: int
    cells: dict[CellId, Held]


class _Stored(Cell, array_like=True, gc=False):
    """A cell, and the revisions at which it began and last changed."""

    born: int = 0
    revision: int = 0


_decoder: Final = msgspec.msgpack.Decoder(_Stored)


def live(key: Key, reply: list[bytes]) -> Live:
    """From what Redis holds of an experiment. Raises CorruptState."""
    held = dict(zip(reply[::2], reply[1::2], strict=True))
    name = held.pop(b"id", b"").decode()
    made = Live(key, int(held.pop(b"n", 0)), {})
    for field, value in held.items():
        hour, _, arm = field.partition(b":")
        try:
            stored = _decoder.decode(value)
            cell_id = CellId(int(hour), int(arm), f"{name}.{stored.born}")
        except (msgspec.DecodeError, ValueError) as error:
            raise CorruptState(f"unreadable counts of {key[1]}") from error
        made.cells[cell_id] = Held(stored.revision, stored, value)
    return made
