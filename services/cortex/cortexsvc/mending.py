"""Putting back what Redis has lost of single experiments: their params.

A store that lost everything is filled by whoever opens it. One that lost a key says
nothing: who trains, and a look every few seconds, find out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Sequence
from typing import Final
from typing import Protocol

from cortexsvc import pacing
from cortexsvc.keeping import Keeper
from cortexsvc.sorting import Key
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

logger = get_logger(__name__)

LOOK_SEC: Final = 10.0
KEYS_AT_ONCE: Final = 500


class Backup(Protocol):
    """Where params are kept besides. Every method raises Unavailable."""

    async def experiments(self) -> list[Key]:
        """All there are."""

    async def lacking(self, keys: Sequence[Key]) -> list[Key]:
        """Those that are defined in Redis, and have no params there."""

    async def restore(self, keys: Sequence[Key]) -> None:
        """Put back the params of these, if they can be."""


class Mender:
    """Looks after the experiments of the shards that are owned.

    Who owns a shard may hold what no snapshot has.
    """

    def __init__(
        self,
        backup: Backup,
        layout: Layout,
        owns: Callable[[int], bool],
        keeper: Keeper,
        params: RedisParamBackend,
    ) -> None:
        self._backup = backup
        self._layout = layout
        self._owns = owns
        self._keeper = keeper
        self._params = params
        self._lock = asyncio.Lock()
        self._hopeless: set[Key] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look now and then, until told to stop."""
        while not await pacing.wait(stop, LOOK_SEC):
            try:
                self._hopeless.clear()
                await self._look()
            except Unavailable as error:
                logger.debug("cannot look for params that are missing: %s", error)

    async def _look(self) -> None:
        found = await self._backup.experiments()
        own = [key for key in found if self._owns(self._layout.shard_of(key[1]))]
        for start in range(0, len(own), KEYS_AT_ONCE):
            await self.mend(own[start : start + KEYS_AT_ONCE])

    async def mend(self, keys: Sequence[Key]) -> bool:
        """Put back what is missing of these; whether there was anything.

        What was committed since the last snapshot is kept first, so that the params are
        those that were lost. Raises Unavailable.
        """
        async with self._lock:
            hoped = [key for key in keys if key not in self._hopeless]
            lacking = await self._backup.lacking(hoped)
            if not lacking:
                return False
            logger.warning("params of %d experiments are missing", len(lacking))
            await self._keeper.write(self._params)
            if any(self._keeper.holds(key) for key in lacking):
                raise Unavailable("postgres does not take what was learned")
            await self._backup.restore(lacking)
            self._hopeless.update(await self._backup.lacking(lacking))
            return True
