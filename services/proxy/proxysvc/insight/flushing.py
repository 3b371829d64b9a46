"""Counts on their way from this worker to Redis, in the background."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Final
from typing import Protocol

from proxysvc.delivering import Delivery
from proxysvc.insight.counting import Counting
from proxysvc.insight.counting import Place
from proxysvc.insight.counting import Tally
from qbrixstore.cells import HOUR_MS
from qbrixstore.cells import Cell
from qbrixstore.cells import Group
from qbrixstore.redis.counts import Batch

FLUSH_SEC: Final = 1.0
HOUR_SEC: Final = HOUR_MS // 1_000
CELLS_A_BATCH: Final = 100  # a batch takes loop and redis about a millisecond
CONTEXTS_A_BATCH: Final = 500
MOST_CELLS: Final = 50_000
MOST_CONTEXTS: Final = 100_000
AT_A_TURN: Final = 200

Where = tuple[str, str, int]  # tenant, experiment, hour


class Counts(Protocol):
    """What is needed of the counts in Redis."""

    async def add(self, batch: Batch) -> bool: ...


class Waiting:
    """Counts that Redis does not have yet, of one experiment and hour."""

    __slots__ = ("arms", "contexts")

    def __init__(self) -> None:
        self.arms: dict[int, Cell] = {}
        self.contexts: set[str] = set()


class Flusher(Delivery):
    """Delivers what was counted about once a second, each batch exactly once.

    A batch has a number, and is sent until Redis has answered: one that arrived twice
    counts once. While Redis is away counts add up in memory, for up to 50,000 arms and
    hours and 100,000 context ids; what would go beyond is dropped and logged. What a
    killed worker had not delivered is lost, which is what it counted in a second.
    """

    what = "counts"

    def __init__(self, counting: Counting, counts: Counts) -> None:
        super().__init__()
        self._counting = counting
        self._counts = counts
        self._waiting: dict[Where, Waiting] = {}
        self._cells = 0
        self._contexts = 0
        self._issuer = os.urandom(8).hex()
        self._number = 0
        self._unanswered: Batch | None = None
        self._hour = _hour()

    async def flush(self) -> None:
        """Deliver all that was counted. Raises Unavailable, and keeps it then."""
        await self._gather()
        while self._unanswered or self._waiting:
            self._unanswered = self._unanswered or self._cut()
            await self._counts.add(self._unanswered)
            self._unanswered = None

    async def _due(self, away: bool) -> None:
        # what is taken at the turn of an hour belongs to the hour that is over
        await asyncio.sleep(min(FLUSH_SEC, HOUR_SEC - time.time() % HOUR_SEC))

    def _skip(self) -> None:
        self._unanswered = None

    async def _gather(self) -> None:
        hour, self._hour = self._hour, _hour()
        taken = self._counting.take()
        for number, (place, tally) in enumerate(taken.items(), start=1):
            self._keep(hour, place, tally)
            if number % AT_A_TURN == 0:
                await asyncio.sleep(0)

    def _keep(self, hour: int, place: Place, tally: Tally) -> None:
        tenant, experiment, arm = place
        where = (tenant, experiment, hour)
        waiting = self._waiting.get(where)
        held = waiting.arms.get(arm) if waiting else None
        if held is None and self._cells >= MOST_CELLS:
            self.dropped += tally.selections + tally.feedback
            return
        if waiting is None:
            waiting = self._waiting[where] = Waiting()
        if held is None:
            waiting.arms[arm] = tally.cell()
            self._cells += 1
        else:
            held.add(tally.cell())
        if self._contexts + len(tally.contexts) <= MOST_CONTEXTS:
            before = len(waiting.contexts)
            waiting.contexts |= tally.contexts
            self._contexts += len(waiting.contexts) - before

    def _cut(self) -> Batch:
        """The next batch. Something waits when this is called."""
        self._number += 1
        groups: list[Group] = []
        cells, contexts = CELLS_A_BATCH, CONTEXTS_A_BATCH
        for where, waiting in list(self._waiting.items()):
            group = _part(where, waiting, cells, contexts)
            groups.append(group)
            cells -= len(group.arms)
            contexts -= len(group.contexts)
            if not (waiting.arms or waiting.contexts):
                del self._waiting[where]
            if cells <= 0 or contexts <= 0:
                break
        self._cells -= CELLS_A_BATCH - cells
        self._contexts -= CONTEXTS_A_BATCH - contexts
        return Batch(self._issuer, self._number, groups)


def _part(where: Where, waiting: Waiting, cells: int, contexts: int) -> Group:
    """What of an experiment and hour still fits, taken out of what waits."""
    tenant, experiment, hour = where
    arms = dict(_first(waiting.arms, cells))
    for arm in arms:
        del waiting.arms[arm]
    ids = [waiting.contexts.pop() for _ in range(min(contexts, len(waiting.contexts)))]
    return Group(tenant, experiment, hour, arms, ids)


def _first(arms: Mapping[int, Cell], most: int) -> list[tuple[int, Cell]]:
    return [pair for _, pair in zip(range(most), arms.items(), strict=False)]


def _hour() -> int:
    return int(time.time() // HOUR_SEC)
