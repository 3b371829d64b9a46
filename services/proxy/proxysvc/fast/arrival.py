"""How long the body of a request may take to arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from typing import Final
from typing import TypeVar

LIMIT_SEC: Final = 10.0
TICK_SEC: Final = 0.5
SLOW: Final = "the body did not arrive in time"
_CUT: Final = -1
# bound here: it is looked up for every request
_current_task: Final[Callable[[], Any]] = asyncio.current_task

T = TypeVar("T")
Ticks = int


class TooSlow(Exception):
    """The body took longer than allowed."""


class Arrivals:
    """Requests whose body is on its way; one clock counts for all of them.

    A timer for each request would cost more than reading its body does.
    """

    def __init__(
        self, limit_sec: float = LIMIT_SEC, tick_sec: float = TICK_SEC
    ) -> None:
        self.now: Ticks = 0
        self._tick_sec = tick_sec
        self._limit: Ticks = max(1, round(limit_sec / tick_sec))
        self._waiting: dict[asyncio.Task[Any], Ticks] = {}

    async def in_time(self, arrival: Awaitable[T], since: Ticks | None = None) -> T:
        """What arrives, counted from ``since``, else from now. Raises TooSlow."""
        task = _current_task()
        waiting = self._waiting
        waiting[task] = self.now if since is None else since
        try:
            return await arrival
        except asyncio.CancelledError:
            if waiting[task] != _CUT:
                raise
            task.uncancel()
            raise TooSlow from None
        finally:
            del waiting[task]

    async def run(self) -> None:
        """Count, and cut off what is late; for ever."""
        while True:
            await asyncio.sleep(self._tick_sec)
            self.now += 1
            self._cut(self._limit)

    def hurry(self) -> None:
        """Wait for no body any longer than a tick or two."""
        self._limit = 1
        # what came just now is not late: its body may be here before the next tick
        self._cut(1)

    def _cut(self, limit: Ticks) -> None:
        for task, since in list(self._waiting.items()):
            if since != _CUT and self.now - since >= limit:
                self._waiting[task] = _CUT
                task.cancel()
