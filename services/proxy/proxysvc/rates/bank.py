"""Calls for the budgets of a worker, fetched from Redis behind the requests' backs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Final
from typing import Protocol
from weakref import WeakValueDictionary

from proxysvc.accounts.plans import Plans
from proxysvc.rates.budget import Budget
from proxysvc.rates.budget import Pair
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.calls import Allotment
from qbrixstore.redis.calls import Ask

logger = get_logger(__name__)

AT_ONCE: Final = 256  # budgets in one round trip
TICK_SEC: Final = 1.0
RETRY_SEC: Final = 0.5


class Calls(Protocol):
    """What is needed of Redis."""

    async def allot(self, asks: Sequence[Ask]) -> list[Allotment]: ...


class CallBank:
    """The budgets in use, and the one task that asks for more."""

    def __init__(self, calls: Calls, plans: Plans) -> None:
        self._calls = calls
        self._plans = plans
        self._budgets: WeakValueDictionary[str, Budget] = WeakValueDictionary()
        self._asking: dict[str, Budget] = {}
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self.away = False

    def of(self, principal: Principal) -> Budget | Pair | None:
        """What bounds the calls of somebody; None if nothing does."""
        allowed = self._plans.of(principal.plan).requests_per_minute
        user = self._budget(principal.user_id, allowed) if allowed else None
        if not principal.rate_limit:
            return user
        key = self._budget(principal.key_id, principal.rate_limit)
        return key if user is None else Pair(key, user)

    def ask(self, budget: Budget) -> asyncio.Event:
        """Ask for more in the background; the event tells of the next answer."""
        self._asking[budget.id] = budget
        self._wake.set()
        return self._answered

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask in the background for as long as the block runs, then give back."""
        try:
            async with (
                background(self._run(), "allotting calls"),
                background(self._tick(), "giving calls back"),
            ):
                yield
        finally:
            with suppress(Unavailable):
                await self._give_back()

    def _budget(self, id_: str, limit: int) -> Budget:
        budget = self._budgets.get(id_)
        if budget is None:
            budget = self._budgets[id_] = Budget(id_, limit, self)
        budget.limit = limit
        return budget

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._exchange()
                self.away = False
            except Unavailable as error:
                if not self.away:
                    logger.warning("calls are counted without redis: %s", error)
                self.away = True
            self._answer()
            if self.away:
                await asyncio.sleep(RETRY_SEC)

    async def _exchange(self) -> None:
        while self._asking:
            some = [self._asking.pop(id_) for id_ in list(self._asking)[:AT_ONCE]]
            now = time.monotonic()
            asks = [budget.wants(now) for budget in some]
            try:
                answers = await self._calls.allot(asks)
            except BaseException:
                for budget, ask in zip(some, asks, strict=True):
                    budget.untold(ask)
                    self._asking.setdefault(budget.id, budget)
                self._wake.set()
                raise
            for budget, ask, answer in zip(some, asks, answers, strict=True):
                budget.receive(ask, answer, now)
            self._answer()

    def _answer(self) -> None:
        self._answered.set()
        self._answered = asyncio.Event()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SEC)
            now = time.monotonic()
            for budget in list(self._budgets.values()):
                if budget.release(now):
                    self.ask(budget)

    async def _give_back(self) -> None:
        budgets = [one for one in self._budgets.values() if one.give_up()]
        self._asking = {budget.id: budget for budget in budgets}
        await self._exchange()
