"""The composition root of the motor: the only file that builds its parts.

    settings ── redis ── backing (caches ── selector) ── servicer ── server
        └── metrics

The server answers Unavailable until Redis has been reached once. It stops taking calls,
and those in flight finish, before anything behind it closes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import Final

from motorsvc.backing import Backing
from motorsvc.metrics import MotorMetrics
from motorsvc.servicer import MotorServicer
from motorsvc.settings import MotorSettings
from qbrixproto.motor_pb2_grpc import add_MotorServiceServicer_to_server
from qbrixserving.metrics.serving import exposed
from qbrixserving.server import Served
from qbrixserving.server import serve_grpc
from qbrixserving.tracing.opening import traced
from qbrixstore.redis import RedisClient

SERVICE: Final = "qbrix.motor.MotorService"


@asynccontextmanager
async def motor(
    settings: MotorSettings, seed: int | None = None
) -> AsyncIterator[Served]:
    """A running motor; ``seed`` makes its choices repeatable. Raises OSError."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(RedisClient(settings.redis))
        metrics = MotorMetrics()
        tracer = await stack.enter_async_context(traced(settings.tracing, "motor"))
        servicer = MotorServicer(metrics, tracer)
        backing = Backing(settings, client, servicer, seed, metrics)
        stack.push_async_callback(backing.close)
        served = await stack.enter_async_context(
            serve_grpc(
                settings.grpc_host,
                settings.grpc_port,
                [SERVICE],
                lambda server: add_MotorServiceServicer_to_server(servicer, server),
                drain=servicer.drain,
                meter=metrics.meter,
            )
        )
        servicer.health = served.health
        backing.start(served.health)
        await stack.enter_async_context(
            exposed(metrics.sheet, settings.metrics_host, settings.metrics_port)
        )
        yield served
