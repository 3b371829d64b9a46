"""Selects of one experiment that are asked for together: one object, one future."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from typing import TypeVar

import msgspec

from qbrixcore.definition import Definition
from qbrixcore.errors import QbrixError

# of them fit one frame, whatever they carry
MOST_TOGETHER: Final = 128

ITEM_BYTES: Final = 24  # of a frame: sequence number, remaining time, tags
TRACEPARENT_BYTES: Final = 57

Seconds = float
T = TypeVar("T")


class Part(msgspec.Struct, frozen=True):
    """Choices that a motor made for some of a bundle, from one state.

    ``places`` are their positions in the bundle, ``propensities`` NaN where not known.
    """

    places: Sequence[int]
    arms: Sequence[int]
    propensities: Sequence[float]
    generation: int
    version: int

    def below(self, arms: int) -> Part:
        """The choices that are among the first so many arms."""
        rows = [row for row, arm in enumerate(self.arms) if arm < arms]
        return Part(
            [self.places[row] for row in rows],
            [self.arms[row] for row in rows],
            [self.propensities[row] for row in rows],
            self.generation,
            self.version,
        )


class Bundle:
    """Selects on their way, with numbers that follow each other from ``first``.

    ``open`` are the numbers to ask for; whoever passes a bundle on after some of it was
    answered leaves those out. ``future`` is done once everything has an answer, which
    is in ``parts`` or, by position, in ``failures``. For the columns see ``Pick``.
    """

    __slots__ = (
        "context_ids",
        "deadline",
        "definition",
        "failures",
        "first",
        "future",
        "left",
        "open",
        "parts",
        "trace_id",
        "traceparents",
        "vectors",
    )

    def __init__(
        self,
        first: int,
        definition: Definition,
        context_ids: Sequence[str],
        vectors: Sequence[bytes] | None,
        trace_id: str,
        deadline: Seconds,
        future: asyncio.Future[None],
        traceparents: Sequence[str] | None = None,
    ) -> None:
        self.first = first
        self.definition = definition
        self.context_ids = context_ids
        self.vectors = vectors
        self.trace_id = trace_id
        self.deadline = deadline
        self.future = future
        self.traceparents = traceparents
        self.left = len(context_ids)
        self.open = list(range(first, first + self.left))
        self.parts: list[Part] = []
        self.failures: dict[int, QbrixError] = {}

    @property
    def items(self) -> int:
        """How many selects there are to ask for."""
        return len(self.open)

    @property
    def size(self) -> int:
        """About how many bytes of a frame it takes."""
        item = ITEM_BYTES + 4 * self.definition.dim + len(self.trace_id)
        if self.traceparents is not None:
            item += TRACEPARENT_BYTES
        return self.items * item + 4 * sum(map(len, self.context_ids))

    def of_open(self, column: Sequence[T]) -> Sequence[T]:
        """What of a column belongs to those that are open."""
        if len(self.open) == len(column):
            return column
        return [column[seq - self.first] for seq in self.open]

    def answer(
        self,
        seqs: Sequence[int],
        arms: Sequence[int],
        propensities: Sequence[float],
        generation: int,
        version: int,
    ) -> None:
        """Take in the choices for these numbers."""
        first = self.first
        places = [seq - first for seq in seqs]
        self.parts.append(Part(places, arms, propensities, generation, version))
        self._settle(len(seqs))

    def fail(self, seq: int, error: QbrixError) -> None:
        """Take in why there is no choice for a number."""
        self.failures[seq - self.first] = error
        self._settle(1)

    def _settle(self, items: int) -> None:
        self.left -= items
        if not self.left and not self.future.done():
            self.future.set_result(None)
