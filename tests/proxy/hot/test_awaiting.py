"""Selections reach where their rewards are awaited, each once, behind the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from tests.proxy.hot.rest import Rest
from tests.proxy.hot.samples import definition
from tests.proxy.hot.test_windows import KEYRING
from tests.proxy.hot.test_windows import TTL
from tests.proxy.hot.test_windows import WINDOW
from tests.proxy.hot.test_windows import aged
from tests.proxy.hot.test_windows import until
from tests.proxy.hot.test_windows import waiting

from proxysvc import awaiting as awaitings
from proxysvc.awaiting import Awaiting
from proxysvc.metrics import ProxyMetrics
from proxysvc.token import Mint
from proxysvc.token import Token
from proxysvc.token import unseal
from qbrixcore.errors import Unavailable
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import Encoded
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def rest(rest: Rest) -> Rest:
    await rest.redis.execute("DEL", rest.layout.awaited(0))
    return rest


class Flaky(AwaitedRewards):
    """Puts, and loses the answer of every other call."""

    calls = 0

    async def put(self, batches: Sequence[Encoded]) -> int:
        new = await super().put(batches)
        self.calls += 1
        if self.calls % 2:
            raise Unavailable("lost")
        return new


def noted(awaiting: Awaiting, count: int, ago_sec: float = 0.0) -> list[Token]:
    """Selections that were just noted, in tenths of three experiments."""
    mint, tokens = Mint(KEYRING, Layout()), []
    for number in range(count):
        name = f"e{number % 3}"
        one = definition(
            "BetaTSPolicy", name=name, reward_window_sec=WINDOW, default_reward=0.0
        )
        text = aged(mint.mint(one, 0, 0, 1, 0.5, None), ago_sec)
        awaiting.note(text, one)
        tokens.append(unseal(text, KEYRING))
    return tokens


async def test_a_lost_answer_puts_nothing_twice(rest: Rest) -> None:
    awaiting = Awaiting(Flaky(rest.redis, rest.layout), TTL)
    tokens = noted(awaiting, 700)
    lost = 0
    while awaiting.waiting:
        try:
            await awaiting.flush()
        except Unavailable:
            lost += 1
    assert lost > 1
    found = [
        (batch.experiment, one.sequence)
        for batch in await waiting(rest)
        for one in batch.selections
    ]
    assert sorted(found) == sorted((one.experiment, one.sequence) for one in tokens)


class Away(AwaitedRewards):
    """Cannot be reached for the first few calls."""

    left = 3

    async def put(self, batches: Sequence[Encoded]) -> int:
        if self.left:
            self.left -= 1
            raise Unavailable("away")
        return await super().put(batches)


async def test_what_cannot_be_put_yet_is_put_later(rest: Rest) -> None:
    awaiting = Awaiting(Away(rest.redis, rest.layout), TTL)
    async with awaiting.running():
        noted(awaiting, 5)
        await asyncio.sleep(2 * awaitings.GATHER_SEC)
        noted(awaiting, 4)
        batches = await until(rest, 9)
    assert sum(len(one.selections) for one in batches) == 9
    assert (awaiting.waiting, awaiting.dropped) == (0, 0)


async def test_what_finds_no_room_is_counted(rest: Rest) -> None:
    full = Awaiting(AwaitedRewards(rest.redis, rest.layout, limit=1), TTL)
    one = definition("BetaTSPolicy", reward_window_sec=WINDOW, default_reward=0.0)
    for _ in range(awaitings.MOST_WAITING + 3):
        full.note("token", one)
    assert (full.dropped, full.waiting) == (3, awaitings.MOST_WAITING)
    metrics = ProxyMetrics()
    metrics.delivers("awaited_rewards", full)
    metrics.sheet.refresh()
    assert number(metrics, "dropped_selections") == 3
    assert number(metrics, "undelivered_selections") == awaitings.MOST_WAITING


def number(metrics: ProxyMetrics, name: str) -> float:
    """What the metrics say of awaited rewards."""
    sheet = metrics.sheet
    (found,) = [one for one in sheet.families if one.name == f"qbrix_proxy_{name}"]
    return sheet.cells[found.places["awaited_rewards",]]


async def test_what_can_no_longer_be_told_apart_is_given_up(rest: Rest) -> None:
    awaiting = Awaiting(AwaitedRewards(rest.redis, rest.layout), TTL)
    noted(awaiting, 3, ago_sec=WINDOW + awaitings.PUT_WITHIN_MS / 1_000 + 60)
    await awaiting.flush()
    assert (awaiting.dropped, await waiting(rest)) == (3, [])
    late = noted(awaiting, 3, ago_sec=WINDOW + 60)
    await awaiting.flush()
    assert (awaiting.dropped, awaiting.waiting) == (3, 0)
    batches = await waiting(rest)
    assert sum(len(one.selections) for one in batches) == len(late)


async def test_a_window_ends_with_the_token_at_the_latest(rest: Rest) -> None:
    awaiting = Awaiting(AwaitedRewards(rest.redis, rest.layout), 60)
    before = time.time_ns() // 1_000_000
    noted(awaiting, 1)
    await awaiting.flush()
    (batch,) = await waiting(rest)
    assert before + 60_000 <= batch.due_ms <= before + 120_000
