"""Calls of a minute, allotted to several workers by one script."""

from __future__ import annotations

import asyncio
import random

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import keys
from qbrixstore.redis.calls import ONLY_SETTLE
from qbrixstore.redis.calls import Allotment
from qbrixstore.redis.calls import Ask
from qbrixstore.redis.calls import CallBudgets


async def allot(
    budgets: CallBudgets,
    owed: int = 0,
    minute: int = 0,
    waiting: int = 0,
    limit: int = 100,
) -> Allotment:
    [answer] = await budgets.allot([Ask("u", limit, owed, minute, waiting, 2)])
    return answer


async def early(client: RedisClient) -> None:
    """Returns when the minute of the server will last for a while."""
    seconds = int((await client.execute("TIME"))[0]) % 60
    if seconds > 55:
        await asyncio.sleep(61 - seconds)


async def test_each_gets_a_quarter_of_what_is_left(
    client: RedisClient, layout: Layout
) -> None:
    await early(client)
    budgets = CallBudgets(client, layout)
    answers = [await allot(budgets) for _ in range(3)]
    assert [(one.given, one.rest) for one in answers] == [(25, 75), (19, 56), (14, 42)]
    assert all(0 < one.ends_in <= 60 for one in answers)


async def test_as_much_is_given_as_waits_while_there_is_any(
    client: RedisClient, layout: Layout
) -> None:
    await early(client)
    budgets = CallBudgets(client, layout)
    assert (await allot(budgets, waiting=80)).given == 80
    assert (await allot(budgets, waiting=80)).given == 20
    last = await allot(budgets, waiting=80)
    assert (last.given, last.rest) == (0, 0)


async def test_what_is_owed_counts_and_what_is_given_back_is_there_again(
    client: RedisClient, layout: Layout
) -> None:
    await early(client)
    budgets = CallBudgets(client, layout)
    minute = (await allot(budgets, waiting=ONLY_SETTLE)).minute
    told = await allot(budgets, 40, minute, ONLY_SETTLE)
    assert (told.given, told.rest) == (0, 60)
    assert (await allot(budgets, 40, minute - 1, ONLY_SETTLE)).rest == 60
    assert (await allot(budgets, -30, minute, ONLY_SETTLE)).rest == 90
    assert (await allot(budgets, -300, minute, ONLY_SETTLE)).rest == 100


async def test_a_new_minute_starts_anew(client: RedisClient, layout: Layout) -> None:
    await early(client)
    budgets = CallBudgets(client, layout)
    minute = (await allot(budgets, waiting=100)).minute
    key = keys.call_budget(layout.number, "u")
    await client.execute("HSET", key, "minute", minute - 1)
    assert (await allot(budgets, waiting=100)).given == 100
    assert await client.execute("TTL", key) > 60


async def test_no_sequence_of_asks_gives_more_than_the_limit(
    client: RedisClient, layout: Layout
) -> None:
    await early(client)
    budgets, rng = CallBudgets(client, layout), random.Random(7)
    held, most = 0, 0
    for _ in range(300):
        back = rng.randint(0, held) if rng.random() < 0.3 else 0
        minute = (await allot(budgets, 0, 0, ONLY_SETTLE, 37)).minute
        answer = await allot(budgets, -back, minute, rng.randint(-1, 9), 37)
        held += answer.given - back
        most = max(most, held)
        assert answer.rest == 37 - held
    assert most == 37
