"""The motors as one worker sees them: bounded, and impatient."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final

from proxysvc.stream.bundle import MOST_TOGETHER
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.fleet import Fleet
from proxysvc.stream.fleet import Motors
from proxysvc.stream.frames import LONGEST_TEXT
from proxysvc.stream.frames import Choice
from proxysvc.stream.frames import Pick
from qbrixcore.definition import Definition
from qbrixcore.errors import Overloaded

SWEEP: Final = 0.02  # seconds between looks for selects past their deadline
BEYOND: Final = "too many selects are under way"

Seconds = float


class MotorClient:
    """Selects over one stream per motor; use as an async context manager.

    At most ``max_in_flight`` selects are under way; the next is refused at once.
    """

    def __init__(
        self, addresses: Sequence[str], max_in_flight: int, timeout: Seconds
    ) -> None:
        self._addresses = addresses
        self._timeout = timeout
        self._max_in_flight = max_in_flight
        self._seq = 0
        self._sweep: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> MotorClient:
        self._loop = asyncio.get_running_loop()
        self._fleet = Fleet(self._addresses, self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        await self._fleet.close()

    @property
    def in_flight(self) -> int:
        """Selects that have no answer yet."""
        links = self._fleet.links
        if len(links) == 1:
            return links[0].load
        return sum([link.load for link in links])

    @property
    def motors(self) -> Motors:
        """How many motors there are, and how many streams stand."""
        return self._fleet.connected

    async def health(self) -> Motors:
        """The same, with every motor asked whether it takes selects."""
        return await self._fleet.health()

    async def tried(self, patience: Seconds) -> None:
        """Return when each motor was reached or found away, or after ``patience``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._fleet.tried()

    def follow(self, addresses: Sequence[str]) -> None:
        """From now on these are the motors."""
        self._fleet.follow(addresses)

    def select(
        self,
        definition: Definition,
        context_id: str,
        vector: bytes | None,
        trace_id: str = "",
        patience: Seconds | None = None,
        traceparent: str | None = None,
    ) -> asyncio.Future[Choice]:
        """The choice to come. ``vector`` is ``dim`` little-endian float32, or None.

        Raises Overloaded at once; the future raises ExperimentNotFound, InvalidContext,
        Overloaded, Unavailable.
        """
        link = self._fleet.route(definition.experiment)
        if self.in_flight >= self._max_in_flight:
            raise Overloaded(BEYOND)
        future: asyncio.Future[Choice] = self._loop.create_future()
        self._seq += 1
        link.put(
            Pick(
                self._seq,
                definition,
                context_id if len(context_id) <= LONGEST_TEXT else "",
                vector,
                trace_id,
                self._deadline(patience),
                future,
                traceparent,
            )
        )
        if self._sweep is None:
            self._sweep = self._loop.call_later(SWEEP, self._expire)
        return future

    def select_many(
        self,
        definition: Definition,
        context_ids: Sequence[str],
        vectors: Sequence[bytes] | None,
        trace_id: str = "",
        patience: Seconds | None = None,
        traceparents: Sequence[str] | None = None,
    ) -> list[Bundle]:
        """The choices to come, in order. Those beyond the bound are in no bundle.

        The columns are as long as each other; those that are None, alike for all.
        """
        room = max(0, self._max_in_flight - self.in_flight)
        count = min(len(context_ids), room)
        if len(max(context_ids, key=len, default="")) > LONGEST_TEXT:
            context_ids = [x if len(x) <= LONGEST_TEXT else "" for x in context_ids]
        deadline = self._deadline(patience)
        bundles = []
        for start in range(0, count, MOST_TOGETHER):
            part = slice(start, min(start + MOST_TOGETHER, count))
            bundle = Bundle(
                self._seq + 1,
                definition,
                context_ids[part],
                None if vectors is None else vectors[part],
                trace_id,
                deadline,
                self._loop.create_future(),
                None if traceparents is None else traceparents[part],
            )
            self._seq += bundle.items
            self._fleet.route(definition.experiment).put(bundle)
            bundles.append(bundle)
        if bundles and self._sweep is None:
            self._sweep = self._loop.call_later(SWEEP, self._expire)
        return bundles

    def _deadline(self, patience: Seconds | None) -> Seconds:
        limit = self._timeout
        if patience is not None and patience < limit:
            limit = patience
        return self._loop.time() + limit

    def _expire(self) -> None:
        now = self._loop.time()
        for link in self._fleet.links:
            link.expire(now)
        self._fleet.listen(now)
        self._sweep = (
            self._loop.call_later(SWEEP, self._expire) if self.in_flight else None
        )
