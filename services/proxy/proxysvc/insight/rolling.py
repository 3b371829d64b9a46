"""Counts on their way from Redis to Postgres; one worker among all does it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import CorruptState
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.cells import CellId
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.postgres import system_session
from qbrixstore.postgres.leadership import ROLLUPS
from qbrixstore.postgres.leadership import leadership
from qbrixstore.postgres.leadership import still_leads
from qbrixstore.postgres.rollups import Rollups
from qbrixstore.postgres.sketches import Sketches
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.counts import hour_of

logger = get_logger(__name__)

Seconds = float

BATCH: Final = 10  # experiments in one transaction
POLL_SEC: Final = 10.0
STANDBY_SEC: Final = 5.0
RETRY_SEC: Final = 1.0
SAVE_SEC: Final = 60.0  # a sketch has 12 KiB
LATE_HOURS: Final = 1  # hours for which counts of an hour that is over may still come


class Roller:
    """Writes absolute counts, then lets go of what Postgres has for good.

    Both steps may be repeated, by several at once, and after a crash at any point:
    nothing is counted twice, and nothing is dropped that was not written.
    """

    def __init__(self, engine: AsyncEngine, counts: Counts) -> None:
        self._engine = engine
        self._counts = counts
        self._unsaved: dict[Key, Seconds] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Roll up in the background for as long as the block runs."""
        async with background(self._run(), "rolling up counts"):
            yield

    async def roll_up(self) -> None:
        """Bring Postgres level with Redis. Raises Unavailable."""
        for shard in self._counts.shards:
            seen: set[Key] = set()
            while pairs := await self._ahead(shard, seen):
                seen.update(pairs)
                await self._roll(pairs)

    async def _ahead(self, shard: int, seen: set[Key]) -> list[Key]:
        """Experiments that were not looked at yet; any order will do."""
        found = await self._counts.ahead(shard, len(seen) + BATCH)
        return [key for key in found if key not in seen][:BATCH]

    async def _roll(self, pairs: Sequence[Key]) -> None:
        counted = await self._read(pairs)
        async with system_session(self._engine) as session:
            rollups = Rollups(session)
            existing = await rollups.existing(pairs)
            await rollups.write([one for one in counted if one.key in existing])
        for one in counted:
            if one.key in existing:
                await self._counts.settle(one, _over(one))
                self._unsaved.setdefault(one.key, time.monotonic())
        for key in pairs:
            if key not in existing:
                await self._counts.forget(key)

    async def save_contexts(self, age: Seconds = SAVE_SEC) -> None:
        """Sketch in Postgres whom experiments were selected for, once in ``age``.

        What Postgres has is added to what Redis has, so an emptied one gets it back.
        Raises Unavailable.
        """
        now = time.monotonic()
        due = [key for key, since in self._unsaved.items() if now - since >= age]
        for start in range(0, len(due), BATCH):
            part = due[start : start + BATCH]
            await self._save(part)
            for key in part:
                del self._unsaved[key]

    async def _save(self, pairs: Sequence[Key]) -> None:
        async with system_session(self._engine) as session:
            existing = await Rollups(session).existing(pairs)
            sketches = Sketches(session)
            stored = await sketches.get(existing)
            merged = {
                key: await self._counts.merge_contexts(key, stored.get(key))
                for key in existing
            }
            changed = {
                key: sketch
                for key, sketch in merged.items()
                if sketch and sketch != stored.get(key)
            }
            await sketches.put(changed)

    async def _read(self, pairs: Sequence[Key]) -> list[Live]:
        try:
            return await self._counts.read(pairs)
        except CorruptState:
            return [one for key in pairs for one in await self._readable(key)]

    async def _readable(self, key: Key) -> list[Live]:
        try:
            return await self._counts.read([key])
        except CorruptState as error:
            logger.error("cannot roll up: %s", error)
            return []

    async def _run(self) -> None:
        while True:
            try:
                async with leadership(self._engine, ROLLUPS) as connection:
                    if connection is not None:
                        await self._lead(connection)
                await asyncio.sleep(STANDBY_SEC)
            except Unavailable as error:
                logger.warning("counts are not rolled up: %s", error)
                await asyncio.sleep(RETRY_SEC)
            except Exception:
                logger.exception("counts are not rolled up")
                await asyncio.sleep(STANDBY_SEC)

    async def _lead(self, connection: AsyncConnection) -> None:
        logger.info("rolling up counts")
        while await still_leads(connection, ROLLUPS):
            await self.roll_up()
            await self.save_contexts()
            await asyncio.sleep(POLL_SEC)


def _over(one: Live) -> list[CellId]:
    """Cells to which nothing is added any more, unless it comes very late."""
    current = hour_of(time.time_ns() // 1_000_000)
    return [cell_id for cell_id in one.cells if cell_id.hour < current - LATE_HOURS]
