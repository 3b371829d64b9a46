"""How a shard is doing, for those who look at it without owning it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from typing import Final
from typing import NamedTuple

from qbrixcore.errors import InvalidFeedback
from qbrixstore.redis import event as codec
from qbrixstore.redis import keys
from qbrixstore.redis.batch import milliseconds
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout

_COUNTERS: Final = ("events", "handled", "learned", "stale", "dropped", "dead")
ENTRIES_SCANNED: Final = 1_000


class Total(NamedTuple):
    """Events an experiment learned so far, and when it last did (ms since 1970)."""

    learned: int
    at_ms: int


class Progress(NamedTuple):
    """How far a shard is.

    ``counters`` are those of ``ShardGauges.counters``. ``waiting`` counts events that
    are not handled yet, ``lag_ms`` is the age of the oldest, 0 when there is none;
    ``committed_ms`` is the time of the last commit (ms since 1970), 0 before the first.
    ``awaiting`` counts selections whose reward windows have not ended.
    """

    counters: dict[str, int]
    waiting: int
    lag_ms: int
    committed_ms: int
    awaiting: int = 0


class ShardGauges:
    """Counters, positions and totals of one shard. Every method raises Unavailable."""

    def __init__(self, client: RedisClient, layout: Layout, shard: int = 0) -> None:
        self._client = client
        self._layout = layout
        self._shard = shard

    async def counters(self) -> dict[str, int]:
        """events, handled, learned, stale, dropped, dead.

        ``events - handled`` wait to be learned.
        """
        meta = self._layout.meta(self._shard)
        reply = await self._client.execute("HMGET", meta, *_COUNTERS)
        return {
            name: int(count or 0) for name, count in zip(_COUNTERS, reply, strict=True)
        }

    async def progress(self) -> Progress:
        """How far the shard is; its lag goes by the clock of this machine."""
        meta, log = self._layout.meta(self._shard), self._layout.log(self._shard)
        position = await self.position()
        commands: list[Command] = [
            ("XRANGE", log, f"({position}", "+", "COUNT", 1),
            ("HMGET", meta, *_COUNTERS, "committed_ms", "awaited", "settled"),
        ]
        oldest, reply = await self._client.pipeline(commands)
        *counts, committed, awaited, settled = (int(count or 0) for count in reply)
        counters = dict(zip(_COUNTERS, counts, strict=True))
        now_ms = time.time_ns() // 1_000_000
        lag = now_ms - milliseconds(oldest[0][0].decode()) if oldest else 0
        waiting = counters["events"] - counters["handled"]
        awaiting = max(awaited - settled, 0)
        return Progress(counters, max(waiting, 0), max(lag, 0), committed, awaiting)

    async def end(self) -> str:
        """Id of the last entry appended."""
        log = self._layout.log(self._shard)
        held = _pairs(await self._client.execute("XINFO", "STREAM", log))
        return str(held[b"last-generated-id"].decode())

    async def position(self) -> str:
        """Id of the last entry handled."""
        log = self._layout.log(self._shard)
        for group in map(_pairs, await self._client.execute("XINFO", "GROUPS", log)):
            if group[b"name"] == keys.GROUP.encode():
                return str(group[b"last-delivered-id"].decode())
        return "0-0"

    async def totals(self, experiment: str | None = None) -> dict[str, Total]:
        """Totals by experiment: of one, or of all that ever learned."""
        layout, shard = self._layout, self._shard
        hashes = (layout.learned(shard), layout.learned_at(shard))
        if experiment is not None:
            learned, at = await self._client.pipeline(
                [("HGET", key, experiment) for key in hashes]
            )
            return {} if learned is None else {experiment: _total(learned, at)}
        replies = await self._client.pipeline([("HGETALL", key) for key in hashes])
        learned_by, at_by = map(_pairs, replies)
        return {
            name.decode(): _total(learned, at_by.get(name))
            for name, learned in learned_by.items()
        }

    async def waiting(self) -> dict[str, int]:
        """Events by experiment in the first 1,000 entries that are not handled yet."""
        rows = await self._client.execute(
            "XRANGE",
            self._layout.log(self._shard),
            f"({await self.position()}",
            "+",
            "COUNT",
            ENTRIES_SCANNED,
        )
        found: Counter[str] = Counter()
        for _, fields in rows:
            for event in codec.decode_many(fields[1::2]):
                if not isinstance(event, InvalidFeedback):
                    found[event.experiment] += 1
        return dict(found)


def _pairs(reply: list[Any]) -> dict[bytes, Any]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _total(learned: bytes, at_ms: bytes | None) -> Total:
    return Total(int(learned), int(at_ms or 0))
