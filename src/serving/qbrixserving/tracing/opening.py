"""Tracing for as long as a service runs, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from qbrixserving.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from qbrixserving.tracing.tracer import Tracer


@asynccontextmanager
async def traced(
    settings: TracingSettings, service: str
) -> AsyncIterator[Tracer | None]:
    """What spans of a service are made with; None, and nothing imported, when off.

    Spans that still wait are sent on leaving. Enter it after any fork: it has a thread.
    """
    if settings.to == "off":
        yield None
        return
    from qbrixserving.tracing.tracer import Tracer

    tracer = Tracer(settings, service)
    try:
        yield tracer
    finally:
        await asyncio.to_thread(tracer.close)
