"""The writing end of the feedback log: each token is appended once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import islice
from typing import Final
from typing import NamedTuple

from qbrixstore.redis import event as codec
from qbrixstore.redis import keys
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout

_APPEND = Script("append")
EVENTS_AN_ENTRY: Final = 64
EVENTS_A_CALL: Final = 512
TOKEN_TTL_SEC: Final = 7 * 86_400
SLACK_SEC: Final = 3_600


class Spent(NamedTuple):
    """A token that is used up by feedback from which nothing is to be learned."""

    issuer: int
    sequence: int
    tenant: str
    experiment: str
    arm: int
    reward: float


class RedisStreamPublisher:
    """Appends events whose token was not learned from before.

    Test, mark and append are one script. A mark lives ``token_ttl_sec`` plus an hour
    from when it is set, hence longer than any token that could repeat it.
    ``limit`` is how many events of a shard may wait to be learned, 0 for any number.
    """

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        *,
        token_ttl_sec: int = TOKEN_TTL_SEC,
        limit: int = 0,
    ) -> None:
        self._client = client
        self._layout = layout
        self._bounds: list[Argument] = [
            limit,
            (token_ttl_sec + SLACK_SEC) * 1_000,
            EVENTS_AN_ENTRY,
        ]

    async def append(self, events: Sequence[FeedbackEvent | Spent]) -> list[bool]:
        """For each event whether its token is new; False for one seen before.

        A new one is appended; if it is only spent, it is counted.

        Returns only after Redis has them all. On an error none, some or all of them
        may have been appended: the same call again settles it.
        Raises Unavailable, also when the shard has another layout; Overloaded.
        """
        fresh = [False] * len(events)
        layout = copy(self._layout)
        for shard, rows in _by_shard(layout, events).items():
            rest = iter(rows)
            while part := list(islice(rest, EVENTS_A_CALL)):
                answers = await self._call(layout, shard, [events[row] for row in part])
                for row, answer in zip(part, answers, strict=True):
                    fresh[row] = answer == ord("1")
        return fresh

    async def _call(
        self, layout: Layout, shard: int, events: Sequence[FeedbackEvent | Spent]
    ) -> bytes:
        names = [layout.log(shard), layout.meta(shard)]
        chunks: dict[tuple[int, int], int] = {}
        args: list[Argument] = [layout.mark, *self._bounds]
        for event in events:
            chunk, bit = divmod(event.sequence, keys.MARKS_PER_CHUNK)
            place = chunks.get((event.issuer, chunk))
            if place is None:
                names.append(keys.marks(layout.number, shard, event.issuer, chunk))
                place = chunks[event.issuer, chunk] = len(names)
            known = b"" if isinstance(event, Spent) else codec.encode(event)
            args += (place, bit, known)
        answers: bytes = await self._client.call(_APPEND, names, args)
        return answers


def _by_shard(
    layout: Layout, events: Sequence[FeedbackEvent | Spent]
) -> dict[int, list[int]]:
    if layout.shards == 1:
        return {0: list(range(len(events)))}
    rows: dict[int, list[int]] = {}
    for row, event in enumerate(events):
        rows.setdefault(layout.shard_of(event.experiment), []).append(row)
    return rows
