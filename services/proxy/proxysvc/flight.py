"""Calls that wait for the same thing share one run of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Hashable
from typing import Any
from typing import Generic
from typing import TypeVar

from qbrixcore.errors import QbrixError
from qbrixlog import get_logger

logger = get_logger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """One running task a key; a caller that gives up does not stop it for others."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, key: K, start: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the run for ``key``, started here unless one is under way."""
        return await asyncio.shield(self.spawn(key, start))

    def spawn(
        self, key: K, start: Callable[[], Coroutine[Any, Any, V]]
    ) -> asyncio.Task[V]:
        """The task for ``key``, started here unless one is under way."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(start())
            self._running[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    async def close(self) -> None:
        """Cancel what is under way and wait for it."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, key: K, task: asyncio.Task[V]) -> None:
        self._running.pop(key, None)
        # asking marks the exception as seen when every caller has gone
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, QbrixError):
            logger.error("unexpected error in shared work", exc_info=error)
