"""REST: how the parts of the system are doing."""

from __future__ import annotations

import msgspec
from litestar import Controller
from litestar import get
from litestar.di import NamedDependency

from proxysvc.insight.runtime import RuntimeService
from qbrixstore.postgres.principal import Principal


class ServiceHealth(msgspec.Struct):
    """A part of the system that works; one that does not is answered with 503."""

    service: str
    status: str = "ok"


class StreamSize(msgspec.Struct):
    """Events in the feedback log that are not handled yet."""

    len: int


class RuntimeController(Controller):
    """The parts that the proxy depends on."""

    path = "/runtime"
    tags = ("runtime",)

    @get("/redis/health")
    async def get_redis_health(
        self,
        runtime: NamedDependency[RuntimeService],
        principal: NamedDependency[Principal],
    ) -> ServiceHealth:
        """Tell whether Redis answers."""
        await runtime.redis(principal)
        return ServiceHealth("redis")

    @get("/motor/health")
    async def get_motor_health(
        self,
        runtime: NamedDependency[RuntimeService],
        principal: NamedDependency[Principal],
    ) -> ServiceHealth:
        """Tell whether motors answer and would take selects; degraded: not all do."""
        every = await runtime.motor(principal)
        return ServiceHealth("motor", "ok" if every else "degraded")

    @get("/cortex/health")
    async def get_cortex_health(
        self,
        runtime: NamedDependency[RuntimeService],
        principal: NamedDependency[Principal],
    ) -> ServiceHealth:
        """Tell whether a cortex owns every part of the feedback log."""
        await runtime.cortex(principal)
        return ServiceHealth("cortex")

    @get("/redis/stream/size")
    async def get_stream_size(
        self,
        runtime: NamedDependency[RuntimeService],
        principal: NamedDependency[Principal],
    ) -> StreamSize:
        """Count the events that wait to be learned from."""
        return StreamSize(await runtime.stream_size(principal))
