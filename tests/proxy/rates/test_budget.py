"""Limits hold over several workers, and no call that may be made is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from tests.proxy.rates.conftest import LIMIT
from tests.proxy.rates.conftest import Lossy
from tests.proxy.rates.conftest import admitted
from tests.proxy.rates.conftest import budget_of
from tests.proxy.rates.conftest import somebody
from tests.proxy.waiting import eventually

from proxysvc.accounts.plans import Plans
from proxysvc.rates.bank import CallBank
from proxysvc.rates.budget import Pair
from qbrixcore.errors import Overloaded

Open = Callable[[], CallBank]


def test_who_is_not_bounded_has_no_budget(calls: Lossy) -> None:
    bank = CallBank(calls, Plans.parse(("free:0/1/1",)))
    assert bank.of(somebody("free")) is None
    assert bank.of(somebody("self-hosted")) is None


async def test_one_after_the_other_all_calls_of_the_limit_are_let_in(
    open_bank: Open,
) -> None:
    budget = budget_of(open_bank(), somebody())
    let_in = [await admitted(budget) for _ in range(LIMIT + 10)]
    assert let_in == [True] * LIMIT + [False] * 10


async def test_a_burst_at_several_workers_gets_what_the_limit_says(
    open_bank: Open,
) -> None:
    who = somebody()
    budgets = [budget_of(open_bank(), who) for _ in range(4)]
    let_in = await asyncio.gather(
        *(admitted(budget) for _ in range(75) for budget in budgets)
    )
    # one may have asked for more than it needs, and each may begin on credit
    assert LIMIT * 0.9 <= sum(let_in) <= LIMIT * 1.1


async def test_a_refusal_says_when_the_minute_ends(open_bank: Open) -> None:
    budget = budget_of(open_bank(), somebody())
    for _ in range(LIMIT):
        assert await admitted(budget)
    with pytest.raises(Overloaded) as refused:
        await budget.admit()
    assert refused.value.detail["limit"] == LIMIT
    seconds = refused.value.detail["retry_after"]
    assert isinstance(seconds, int)
    assert abs(seconds - (60 - time.time() % 60)) <= 2


async def test_refusals_do_not_ask_redis_each_time(
    open_bank: Open, calls: Lossy
) -> None:
    budget = budget_of(open_bank(), somebody("pro"))
    for _ in range(20):
        await admitted(budget)
    before = calls.asked
    for _ in range(1_000):
        assert not await admitted(budget)
    assert calls.asked - before <= 3


async def test_a_warm_budget_is_filled_up_behind_the_calls(open_bank: Open) -> None:
    budget = budget_of(open_bank(), somebody())
    assert await admitted(budget)

    async def filled() -> bool:
        return budget.left > LIMIT // 5

    await eventually(filled)
    for _ in range(LIMIT // 2):
        assert budget.take(time.monotonic())
        await asyncio.sleep(0.002)


async def test_what_is_not_used_is_there_for_others(open_bank: Open) -> None:
    who = somebody()
    idle, busy = budget_of(open_bank(), who), budget_of(open_bank(), who)
    assert await admitted(idle)

    async def filled() -> bool:
        return idle.left > LIMIT // 5

    await eventually(filled)

    async def given_back() -> bool:
        return 0 < idle.left <= idle.least

    await eventually(given_back)
    let_in = sum([await admitted(busy) for _ in range(LIMIT)])
    assert let_in >= LIMIT - 1 - 2 * idle.least


async def test_people_do_not_share_a_budget(open_bank: Open) -> None:
    bank, who, other = open_bank(), somebody("pro"), somebody("pro")
    budget = budget_of(bank, who)
    assert budget_of(bank, who) is budget
    assert [await admitted(budget) for _ in range(11)] == [True] * 10 + [False]
    assert await admitted(budget_of(bank, other))


async def test_without_redis_a_worker_counts_a_quarter_by_itself(
    open_bank: Open, calls: Lossy
) -> None:
    calls.cut = True
    bank, who = open_bank(), somebody()
    budget = budget_of(bank, who)
    let_in = sum([await admitted(budget) for _ in range(LIMIT)])
    assert let_in == LIMIT // 4
    assert bank.away
    calls.cut = False

    async def back() -> bool:
        return not bank.away

    await eventually(back)
    # what was counted alone is known to the others now
    other = budget_of(open_bank(), who)

    async def used_up() -> bool:
        nonlocal let_in
        let_in += await admitted(other)
        return let_in >= LIMIT - budget.least

    await eventually(used_up)
    let_in += sum([await admitted(other) for _ in range(LIMIT)])
    assert let_in <= LIMIT * 1.1


async def test_what_was_leased_is_spent_when_redis_goes(
    open_bank: Open, calls: Lossy
) -> None:
    budget = budget_of(open_bank(), somebody())
    for _ in range(40):
        assert await admitted(budget)
    calls.cut = True
    left = budget.left
    let_in = sum([await admitted(budget) for _ in range(LIMIT)])
    assert left <= let_in <= LIMIT - 40


async def test_a_key_with_its_own_limit_counts_for_its_user_too(
    open_bank: Open,
) -> None:
    bank = open_bank()
    own, user = budget_of(bank, somebody("pro")), budget_of(bank, somebody())
    pair = Pair(own, user)
    assert sum([await admitted(pair) for _ in range(20)]) == 10
    others = sum([await admitted(user) for _ in range(LIMIT)])
    assert others == LIMIT - 10
    assert not await admitted(Pair(budget_of(bank, somebody("pro")), user))
