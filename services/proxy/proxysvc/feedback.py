"""Feedback into the log: waiting events are appended together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from typing import Final
from typing import Protocol

from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixserving.background import watched
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import Spent

MOST_AT_ONCE: Final = 512

Seconds = float
Event = FeedbackEvent | Spent


class Publisher(Protocol):
    """What the log needs of the store."""

    async def append(self, events: Sequence[Event]) -> list[bool]: ...


class FeedbackLog:
    """Group commit: while one append of a shard is under way, the next one gathers.

    At most ``max_waiting`` events wait; each is answered within ``timeout`` seconds.
    """

    def __init__(
        self, publisher: Publisher, layout: Layout, max_waiting: int, timeout: Seconds
    ) -> None:
        self._layout = layout
        self._max_waiting = max_waiting
        self._lanes: defaultdict[int, _Lane] = defaultdict(
            lambda: _Lane(publisher, timeout)
        )

    async def append(self, event: Event) -> bool:
        """Whether the event is new; returns only when Redis has it.

        Raises Overloaded, Unavailable. After Unavailable it may have been appended
        nevertheless: sending it again settles that, and counts once.
        """
        return await self.put(event)

    def put(self, event: Event) -> asyncio.Future[bool]:
        """The same, to be waited for later; events put at once are appended at once.

        Raises Overloaded at once, the future Unavailable.
        """
        if sum(lane.waiting for lane in self._lanes.values()) >= self._max_waiting:
            raise Overloaded("too much feedback is waiting")
        return self._lanes[self._layout.shard_of(event.experiment)].put(event)

    async def close(self) -> None:
        """Finish the appends under way."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))


class _Lane:
    """The appends of one shard, one after the other."""

    def __init__(self, publisher: Publisher, timeout: Seconds) -> None:
        self._publisher = publisher
        self._timeout = timeout
        self._queue: list[tuple[Event, float, asyncio.Future[bool]]] = []
        self._under_way = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._queue) + self._under_way

    def put(self, event: Event) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._queue.append((event, loop.time() + self._timeout, future))
        if self._task is None:
            self._task = watched(self._drain(), "the feedback log")
        return future

    async def close(self) -> None:
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._queue:
                batch = self._queue[:MOST_AT_ONCE]
                del self._queue[:MOST_AT_ONCE]
                self._under_way = len(batch)
                await self._commit(batch)
        finally:
            self._under_way = 0
            self._task = None

    async def _commit(
        self, batch: list[tuple[Event, float, asyncio.Future[bool]]]
    ) -> None:
        # the oldest decides: whoever joined later waits no longer than its own limit
        deadline = batch[0][1]
        try:
            async with asyncio.timeout_at(deadline):
                fresh = await self._publisher.append([event for event, _, _ in batch])
            answers = list(zip(batch, fresh, strict=True))
        except TimeoutError:
            self._refuse(batch, Unavailable("the feedback log did not answer in time"))
        except Exception as error:
            self._refuse(batch, error)
        else:
            for (_, _, future), new in answers:
                if not future.done():
                    future.set_result(new)

    def _refuse(
        self,
        batch: list[tuple[Event, float, asyncio.Future[bool]]],
        error: Exception,
    ) -> None:
        for _, _, future in batch:
            if not future.done():
                # one each: an exception collects the traceback of who raises it
                future.set_exception(copy(error))
