"""Several workers' banks in one process, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from proxysvc.accounts.plans import Plans
from proxysvc.rates.bank import CallBank
from proxysvc.rates.budget import Budget
from proxysvc.rates.budget import Pair
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.calls import Allotment
from qbrixstore.redis.calls import Ask
from qbrixstore.redis.calls import CallBudgets
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout

LIMIT = 100


def somebody(plan: str = "free") -> Principal:
    return Principal(
        tenant_id="t",
        user_id=uuid4().hex,
        key_id="k",
        role="admin",
        scopes=frozenset(),
        plan=plan,
    )


class Lossy:
    """The calls in Redis, over a line that can be cut."""

    def __init__(self, calls: CallBudgets) -> None:
        self._calls = calls
        self.cut = False
        self.asked = 0

    async def allot(self, asks: Sequence[Ask]) -> list[Allotment]:
        self.asked += 1
        if self.cut:
            raise Unavailable
        return await self._calls.allot(asks)


@pytest.fixture
async def calls(redis_server: RedisSettings) -> AsyncIterator[Lossy]:
    async with RedisClient(redis_server) as client:
        yield Lossy(CallBudgets(client, await Layout.ensure(client)))


@pytest.fixture
async def open_bank(calls: Lossy) -> AsyncIterator[Callable[[], CallBank]]:
    """Opens the bank of one more worker."""
    plans = Plans.parse((f"free:{LIMIT}/0/0", "pro:10/0/0"))
    async with AsyncExitStack() as stack:
        banks = [CallBank(calls, plans) for _ in range(4)]
        for bank in banks:
            await stack.enter_async_context(bank.running())
        yield lambda: banks.pop()


async def early_in_the_minute() -> None:
    """Returns when the minute will last for a while."""
    seconds = time.time() % 60
    if seconds > 40:
        await asyncio.sleep(60.2 - seconds)


@pytest.fixture(autouse=True)
async def one_minute() -> None:
    """The minute does not end during a test."""
    await early_in_the_minute()


def budget_of(bank: CallBank, who: Principal) -> Budget:
    budget = bank.of(who)
    assert isinstance(budget, Budget)
    return budget


async def admitted(budget: Budget | Pair) -> bool:
    """Whether a call is let in, made as the authenticator makes it."""
    if budget.take(time.monotonic()):
        return True
    try:
        await budget.admit()
    except Overloaded:
        return False
    return True
