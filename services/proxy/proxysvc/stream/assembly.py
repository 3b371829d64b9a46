"""Finding motors and speaking to them, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from typing import Final

from proxysvc.settings import ProxySettings
from proxysvc.stream.client import MotorClient
from proxysvc.stream.discovery import Discovery
from qbrixserving.background import background

if TYPE_CHECKING:
    from qbrixserving.tracing.tracer import Tracer


FIRST: Final = 1.0  # seconds that a start waits for streams to motors


@asynccontextmanager
async def motors(
    settings: ProxySettings, tracer: Tracer | None = None
) -> AsyncIterator[MotorClient]:
    """A stream to each motor that the settings lead to, whatever comes and goes."""
    discovery = Discovery(settings.motor.places)
    client = _client(settings, await discovery.start(), tracer)
    looking = background(discovery.run(client.follow), "looking for motors")
    async with client, looking:
        # or the first selects would wait for streams, and many of them in vain
        await client.tried(FIRST)
        yield client


def _client(
    settings: ProxySettings, addresses: Sequence[str], tracer: Tracer | None
) -> MotorClient:
    most, timeout = settings.max_in_flight, settings.request_timeout_ms / 1_000
    if tracer is None:
        return MotorClient(addresses, most, timeout)
    from proxysvc.stream.traced import TracedMotorClient

    return TracedMotorClient(addresses, most, timeout, tracer)
