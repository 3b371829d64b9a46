"""Keeping answers back for the moment in which a server says goodbye.

A gRPC server that is told to stop cancels every call that it has not looked at yet, and
those that arrive before its goodbye does (a known fault of its core); their callers see
CANCELLED, which nobody repeats. Who waits for an answer asks nothing new: so answers
wait until the goodbye is on its way in front of them.
"""

from __future__ import annotations

import asyncio
import math
from time import perf_counter
from typing import Final

BUSY_SEC: Final = 1.0  # since the last call of a server that nobody calls
QUIET_SEC: Final = 0.05  # until whoever got an answer before has asked again
FAREWELL_SEC: Final = 0.02


class Hold:
    """Answers go at once, unless one of the two moments of a stop has come."""

    def __init__(self) -> None:
        self.on = False
        self.last = -math.inf  # when a call began, by time.perf_counter
        self._over = asyncio.Event()

    async def quiet(self) -> None:
        """Keep answers back from now on, if anybody calls; returns when they wait."""
        if perf_counter() - self.last < BUSY_SEC:
            self.on = True
            await asyncio.sleep(QUIET_SEC)

    async def release(self) -> None:
        """Let them go, once the goodbye has gone out."""
        if self.on:
            await asyncio.sleep(FAREWELL_SEC)
            self.on = False
            self._over.set()

    async def over(self) -> None:
        """Returns when answers may go."""
        await self._over.wait()
