"""Bringing Redis level with an experiment as Postgres has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from qbrixcore.definition import Definition
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixlog import get_logger
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions

logger = get_logger(__name__)

LOOK_SEC: Final = 0.02


@contextmanager
def leveling(wake_relay: Callable[[], None]) -> Iterator[None]:
    """Finish a committed change in Redis; the relay does it if Redis went away."""
    try:
        yield
    except Unavailable as error:
        logger.warning("the relay has to bring redis level: %s", error)
    finally:
        wake_relay()


class Publishing:
    """Writes definitions and priors to Redis; safe to repeat, in any order."""

    def __init__(
        self, client: RedisClient, definitions: Definitions, cache: DefinitionCache
    ) -> None:
        self._client = client
        self._definitions = definitions
        self._cache = cache

    async def check(self) -> None:
        """Raises Unavailable if Redis could not be written to just now."""
        await self._client.ping()

    async def publish(self, definition: Definition) -> None:
        """Redis has this version or a newer one, and params. Raises Unavailable."""
        # what this build cannot run must not become anybody's definition
        Entry.of(definition)
        # a prior of several MiB takes longer to build than the loop may be held up
        fresh = await asyncio.to_thread(codec.first, definition)
        await self._definitions.publish(definition, fresh)
        self._cache.refresh(definition.tenant, definition.experiment)

    async def reached(self, definition: Definition) -> None:
        """Returns when the generation has begun. Raises Unavailable."""
        key = (definition.tenant, definition.experiment)
        while True:
            if await self._definitions.generation(*key) >= definition.generation:
                return
            await asyncio.sleep(LOOK_SEC)

    async def withdraw(self, tenant: str, experiment: str, version: int) -> None:
        """Redis has forgotten the experiment for good. Raises Unavailable."""
        await self._definitions.remove(tenant, experiment, version)
        self._cache.refresh(tenant, experiment)
