"""Gathering a batch: until it is full, or has waited long enough.

A batch waits for more events up to the batch timeout, but not once its first event is
older than the flush interval. A commit that carried much state holds the next one back,
up to the flush interval, so that states of megabytes are not rewritten for a few events
each: at most 32 MiB of states a second are written.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec

from cortexsvc import pacing
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.consumer import RedisStreamConsumer

STATE_BYTES_A_SECOND: Final = 32 * 2**20
# how many full batches may be learned at once while a commit is held back
HELD_BATCHES: Final = 8


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Size of a batch in events, and how long things wait, in seconds.

    ``idle_sec`` is how long an empty log is waited on before anything else is looked
    after, such as a lost lease or the wish to stop.
    """

    events: int = 2_000
    fill_sec: float = 0.05
    flush_sec: float = 1.0
    idle_sec: float = 0.5


class Gatherer:
    """Reads batches from one consumer."""

    def __init__(self, consumer: RedisStreamConsumer, pace: Pace) -> None:
        self._consumer = consumer
        self._pace = pace
        self._hold_until = 0.0
        self._hurry = asyncio.Event()

    async def next(self) -> Batch:
        """The next batch, empty when nothing came for a while.

        Raises Unavailable.
        """
        pace = self._pace
        batch = await self._consumer.read(pace.events, int(pace.idle_sec * 1_000))
        if not batch.entries:
            self._hurry.clear()
            return batch
        held = self._hold_until - time.monotonic()
        short = self._patience(batch) if batch.events < pace.events else 0.0
        if max(held, short) > 0:
            await pacing.wait(self._hurry, max(held, short))
            room = pace.events * (HELD_BATCHES if held > 0 else 1) - batch.events
            batch.extend(await self._consumer.read(room))
        return batch

    def _patience(self, batch: Batch) -> float:
        age = time.time() - batch.first_ms() / 1_000
        return min(self._pace.fill_sec, self._pace.flush_sec - age)

    def committed(self, state_bytes: int) -> None:
        """Note a commit that carried so many bytes of states."""
        hold = min(state_bytes / STATE_BYTES_A_SECOND, self._pace.flush_sec)
        self._hold_until = time.monotonic() + hold

    def hurry(self) -> None:
        """Do not wait for batches to fill until the log is drained."""
        self._hurry.set()
