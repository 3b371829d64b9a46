"""Waiting: until told otherwise, and ever longer while something is away."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Final

FIRST_SEC: Final = 0.05
LONGEST_SEC: Final = 2.0


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set before the time was up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


class Backoff:
    """Pauses that double from 50 ms to 2 s, each shortened at random by up to half."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._next = FIRST_SEC

    async def pause(self) -> None:
        """Wait for the next pause, or until all is to stop."""
        await wait(self._stop, self._next * (0.5 + random.random() / 2))
        self._next = min(2 * self._next, LONGEST_SEC)

    def reset(self) -> None:
        self._next = FIRST_SEC
