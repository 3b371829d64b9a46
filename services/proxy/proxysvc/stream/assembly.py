"""Finding motors and speaking to them, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxysvc.settings import ProxySettings
from proxysvc.stream.client import MotorClient
from proxysvc.stream.discovery import Discovery
from qbrixserving.background import background


@asynccontextmanager
async def motors(settings: ProxySettings) -> AsyncIterator[MotorClient]:
    """A stream to each motor that the settings lead to, whatever comes and goes."""
    discovery = Discovery(settings.motor.places)
    timeout = settings.request_timeout_ms / 1_000
    client = MotorClient(await discovery.start(), settings.max_in_flight, timeout)
    looking = background(discovery.run(client.follow), "looking for motors")
    async with client, looking:
        yield client
