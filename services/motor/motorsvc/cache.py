"""Values that are served however old they are, and refreshed behind their back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Final
from typing import Generic
from typing import TypeVar

from cachebox import LRUCache
from cachebox import TTLCache

from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger

logger = get_logger(__name__)

MISSING_FOR: Final = 1.0  # seconds for which an absence is believed
RETRY_AFTER: Final = 1.0  # seconds between attempts to refresh while the store is away
LOADS: Final = 8  # reads of the store at once
MOST_WAITING: Final = 4_096
PER_KEY: Final = 0.001  # seconds over which a read is spread when all keys are read
LONGEST_SPREAD: Final = 1.0

V = TypeVar("V")
Key = tuple[str, str]  # tenant, experiment
Seconds = float
Load = Callable[[Key, V | None], Awaitable[V | None]]


class _Held(Generic[V]):
    __slots__ = ("due", "value")

    def __init__(self, value: V, due: float) -> None:
        self.value = value
        self.due = due


class SoftCache(Generic[V]):
    """Stale while revalidate, one read a key at a time.

    ``load`` gets the key and the value held, and returns the value to hold, None when
    there is no such thing. A warm key never waits: after ``ttl`` (jittered) or a change
    it is read again in the background, and kept as it is while the store is away. With
    a ``jitter``, a change is read within that time, so that not everyone who was told
    of it asks the store at once.
    """

    def __init__(
        self, load: Load[V], *, ttl: Seconds, maxsize: int, jitter: Seconds = 0.0
    ) -> None:
        self._load = load
        self._ttl = ttl
        self._jitter = jitter
        self._held: LRUCache[Key, _Held[V]] = LRUCache(maxsize)
        self._missing: TTLCache[Key, bool] = TTLCache(maxsize, MISSING_FOR)
        self._loading: dict[Key, asyncio.Task[V | None]] = {}
        self._changed: set[Key] = set()
        self._planned: dict[Key, asyncio.TimerHandle] = {}
        self._slots = asyncio.Semaphore(LOADS)
        self.reads = self.failures = 0  # that ended so

    def __len__(self) -> int:
        return len(self._held)

    def peek(self, key: Key) -> V | None:
        """The value if it is warm; never waits."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.due <= time.monotonic():
            self._start(key)
        return held.value

    async def get(self, key: Key) -> V | None:
        """The value, None if there is none. Raises what ``load`` raises, Overloaded."""
        value = self.peek(key)
        if value is not None or key in self._missing:
            return value
        return await self._wait(key)

    async def refresh(self, key: Key) -> V | None:
        """The value as the store has it after this call."""
        self._missing.pop(key, None)
        if key in self._loading:
            self._changed.add(key)
        return await self._wait(key)

    def change(self, key: Key | None) -> None:
        """Read a warm key again in the background; None stands for every key."""
        keys = [key] if key is not None else list(self._held.keys())
        spread = self._jitter
        if key is None:
            self._missing.clear()
            spread = spread and max(spread, min(PER_KEY * len(keys), LONGEST_SPREAD))
        for changed in keys:
            self._missing.pop(changed, None)
            if not spread or changed in self._loading:
                self._reread(changed)
            elif changed in self._held and changed not in self._planned:
                self._plan(changed, random.uniform(0.0, spread))

    def renew(self, key: Key) -> None:
        """Read a warm key again in the background, unless that has just failed."""
        held = self._held.get(key)
        if held is not None and held.due > time.monotonic() + RETRY_AFTER:
            self._start(key)

    async def close(self) -> None:
        """Give up the reads under way."""
        for planned in self._planned.values():
            planned.cancel()
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, key: Key) -> V | None:
        if len(self._loading) >= MOST_WAITING:
            raise Overloaded("too many experiments are being read")
        # who gives up waiting does not end the read for the others
        return await asyncio.shield(self._start(key))

    def _plan(self, key: Key, pause: Seconds) -> None:
        def due() -> None:
            self._planned.pop(key)
            self._reread(key)

        loop = asyncio.get_running_loop()
        self._planned[key] = loop.call_later(pause, due)

    def _reread(self, key: Key) -> None:
        if key in self._loading:
            self._changed.add(key)
        elif key in self._held:
            self._start(key)

    def _start(self, key: Key) -> asyncio.Task[V | None]:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key))
            self._loading[key] = task
            task.add_done_callback(lambda done: self._look_after(key, done))
        return task

    async def _read(self, key: Key) -> V | None:
        try:
            async with self._slots:
                value = await self._level(key)
        finally:
            # in the same step as the last look at what changed, so none is missed
            self._loading.pop(key, None)
            self._changed.discard(key)
        return value

    async def _level(self, key: Key) -> V | None:
        """Read until nothing changed meanwhile; what was read is held at once."""
        while True:
            self._changed.discard(key)
            held = self._held.get(key)
            value = await self._load(key, None if held is None else held.value)
            if value is None:
                self._held.pop(key, None)
                self._missing[key] = True
            else:
                self._held[key] = _Held(value, _jittered(self._ttl))
            if key not in self._changed:
                return value

    def _look_after(self, key: Key, task: asyncio.Task[V | None]) -> None:
        if self._loading.get(key) is task:
            del self._loading[key]
        if task.cancelled():
            return
        if (error := task.exception()) is None:
            self.reads += 1
            return
        self.failures += 1
        if not isinstance(error, QbrixError):
            logger.error("reading %s failed", key, exc_info=error)
        elif not isinstance(error, Unavailable):
            logger.warning("reading %s failed: %s", key, error)
        held = self._held.get(key)
        if held is not None:
            held.due = _jittered(RETRY_AFTER)


def _jittered(pause: Seconds) -> float:
    return time.monotonic() + pause * random.uniform(0.8, 1.0)
