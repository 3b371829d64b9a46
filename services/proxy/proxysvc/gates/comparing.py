"""Comparing what is kept with its source, beneath the news of changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.definitions import DefinitionCache
from proxysvc.publishing import Publishing
from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Invalid
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.postgres import system_session
from qbrixstore.postgres.gates import EveryGate
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.params import RedisParamBackend

logger = get_logger(__name__)

BATCH: Final = 50  # decoded in a millisecond

Seconds = float
Key = tuple[str, str]  # tenant, experiment


class MemoryCheck:
    """Reads again what is in memory and not as Redis has it."""

    def __init__(
        self, definitions: Definitions, cache: DefinitionCache, every: Seconds
    ) -> None:
        self._definitions = definitions
        self._cache = cache
        self._every = every

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compare in the background for as long as the block runs."""
        async with background(self._run(), "comparing definitions"):
            yield

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.compare()
            except Unavailable as error:
                logger.warning("definitions stay as they are: %s", error)

    async def compare(self) -> None:
        """Compare everything once. Raises Unavailable."""
        held = self._cache.held()
        for start in range(0, len(held), BATCH):
            some = held[start : start + BATCH]
            pairs = [(one.tenant, one.experiment) for one in some]
            stored = await self._definitions.get_many(pairs)
            for pair, one, current in zip(pairs, some, stored, strict=True):
                if one != current:
                    self._cache.refresh(*pair)


class RedisCheck:
    """Publishes the gated experiments that Redis does not have as Postgres does.

    Redis may have lost what it was told: it was set back, or failed over. Where it
    lost what was learned as well, no prior takes its place: that is for ``rebuild``.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        definitions: Definitions,
        params: RedisParamBackend,
        publishing: Publishing,
        every: Seconds,
    ) -> None:
        self._engine = engine
        self._definitions = definitions
        self._params = params
        self._publishing = publishing
        self._every = every
        self._last: Key | None = None
        self._due = 0.0

    async def relay_batch(self) -> bool:
        """Compare some, if it is time; whether there are more. Raises Unavailable."""
        if time.monotonic() < self._due:
            return False
        async with system_session(self._engine) as session:
            pairs = await EveryGate(session).after(self._last, BATCH)
            outbox = Outbox(session)
            stored = await self._definitions.get_many(pairs) if pairs else []
            for pair, found in zip(pairs, stored, strict=True):
                await self._compare(outbox, pair, found)
        more = len(pairs) == BATCH
        self._last = pairs[-1] if more else None
        if not more:
            self._due = time.monotonic() + self._every
        return more

    async def _compare(
        self, outbox: Outbox, pair: Key, found: Definition | CorruptState | None
    ) -> None:
        try:
            current = await outbox.current(*pair)
            if current is None:
                return
            if isinstance(found, Definition) and found.version >= current.version:
                return
            if found is None and await self._params.version(*pair) is None:
                logger.warning("redis does not have experiment %s", pair[1])
                return
            await self._publishing.publish(current)
        except (Invalid, CorruptState) as error:
            # written by a newer build: one of its workers will understand it
            logger.error("cannot compare experiment %s: %s", pair[1], error)
