"""What stands behind the servicer, from the moment Redis is reached."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any
from typing import Final

from motorsvc.agents import AgentSource
from motorsvc.cache import SoftCache
from motorsvc.families import Families
from motorsvc.metrics import MotorMetrics
from motorsvc.selector import Selector
from motorsvc.servicer import MotorServicer
from motorsvc.settings import MotorSettings
from motorsvc.states import StateSource
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import cancelled
from qbrixserving.background import watched
from qbrixserving.health import Health
from qbrixstore.redis import Changes
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import keys

logger = get_logger(__name__)

RETRY_SEC: Final = 0.25
JITTER_SEC: Final = 0.02


class Backing:
    """Reaches Redis, gives the servicer its selector, and keeps the caches level.

    Ready once Redis has been reached and the kernels in use are compiled; a later
    outage does not take that back, for warm experiments go on being served.
    """

    def __init__(
        self,
        settings: MotorSettings,
        client: RedisClient,
        servicer: MotorServicer,
        seed: int | None,
        metrics: MotorMetrics,
    ) -> None:
        self._settings = settings
        self._client = client
        self._servicer = servicer
        self._seed = seed
        self._metrics = metrics
        self._families = Families()
        self._caches: list[SoftCache[Any]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self, health: Health) -> None:
        """Begin; the server is not ready before this has come far enough."""
        self._task = watched(self._run(health), "keeping the caches level")

    async def close(self) -> None:
        """Stop following and reading. The server must have stopped before."""
        if self._task is not None:
            await cancelled(self._task)
        for cache in self._caches:
            await cache.close()
        if self._servicer.selector is not None:
            self._servicer.selector.close()
        self._families.close()

    async def _run(self, health: Health) -> None:
        layout = await self._reach()
        definitions = Definitions(self._client, layout)
        settings = self._settings
        agents = SoftCache(
            AgentSource(definitions, self._families).load,
            ttl=settings.agent_cache_ttl,
            maxsize=settings.agent_cache_maxsize,
        )
        states = SoftCache(
            StateSource(
                RedisParamBackend(self._client, layout), agents, settings.in_flight_sec
            ).load,
            ttl=settings.param_cache_ttl,
            maxsize=settings.param_cache_maxsize,
            jitter=JITTER_SEC,
        )
        self._caches += [agents, states]
        changes = Changes(self._client, layout)
        self._metrics.follow(changes, agents, states)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(layout.follow(self._client))
            tasks.create_task(_follow(changes, keys.DEFINITIONS, agents))
            tasks.create_task(_follow(changes, keys.PARAMS, states))
            await self._families.warm(await self._policies(definitions))
            _spare_collector()
            self._servicer.work(
                Selector(agents, states, self._seed, weigh=settings.event_log != "off")
            )
            await health.set_ready(True)
            logger.info("the motor is ready")
            await self._families.warm_rest()
            gc.freeze()

    async def _reach(self) -> Layout:
        told = False
        while True:
            try:
                return await Layout.read(self._client)
            except Unavailable as error:
                if not told:
                    logger.warning("waiting for redis: %s", error)
                told = True
                await asyncio.sleep(RETRY_SEC * random.uniform(0.5, 1.5))

    async def _policies(self, definitions: Definitions) -> set[str]:
        while True:
            try:
                return await definitions.policies()
            except Unavailable:
                await asyncio.sleep(RETRY_SEC * random.uniform(0.5, 1.5))


def _spare_collector() -> None:
    """Set aside what will live as long as the process; walking it takes 0.1 s."""
    gc.collect()
    gc.freeze()


async def _follow(changes: Changes, topic: str, cache: SoftCache[Any]) -> None:
    async for key in changes.listen(topic):
        cache.change(key)
