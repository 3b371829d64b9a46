"""Calls that workers may take of a minute, allotted so that all of them add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from qbrixstore.redis import keys
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout

_ALLOT = Script("allot")
ONLY_SETTLE: Final = -1


class Ask(NamedTuple):
    """What a worker wants of a budget of ``limit`` calls a minute.

    ``owed`` are calls it took in ``minute`` without asking; below 0 gives some back.
    ``waiting`` calls cannot go on without an answer; ``ONLY_SETTLE`` asks for nothing.
    ``least`` is the fewest calls that are worth a round trip.
    """

    id: str
    limit: int
    owed: int
    minute: int
    waiting: int
    least: int


class Allotment(NamedTuple):
    """Calls that a worker may take in a minute since the epoch.

    ``ends_in`` is how long that still lasts, seconds; ``rest`` is left for everybody.
    """

    minute: int
    ends_in: float
    given: int
    rest: int


class CallBudgets:
    """Fixed windows of one minute by the clock of the server."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def allot(self, asks: Sequence[Ask]) -> list[Allotment]:
        """A quarter of what is left, or as much as waits, for each ask.

        What is given to all workers in a minute never exceeds the limit.
        Raises Unavailable.
        """
        if not asks:
            return []
        arguments: list[Argument] = []
        for ask in asks:
            arguments += ask[1:]
        minute, ends_in_ms, *given = await self._client.call(
            _ALLOT,
            [keys.call_budget(self._layout.number, ask.id) for ask in asks],
            arguments,
        )
        return [
            Allotment(minute, ends_in_ms / 1_000, given[at], given[at + 1])
            for at in range(0, len(given), 2)
        ]
