"""Decisions get better over REST, and quickly."""

from __future__ import annotations

import random
from collections.abc import Iterator

import httpx
import pytest
from tests.system.running import Up
from tests.system.traffic import acknowledged
from tests.system.traffic import connections
from tests.system.traffic import select

RATES = (0.1, 0.1, 0.6, 0.1)
BEST = 2
DECISIONS = 2_000
LAST = 500
AT_ONCE = 4


@pytest.fixture(params=["BetaTSPolicy", "auto"])
def experiment(api: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name
    arms = [{"name": f"arm {index}"} for index in range(len(RATES))]
    pool = api.post("/pools", json={"name": name, "arms": arms}).json()["id"]
    body = {"name": name, "pool_id": pool, "policy": request.param}
    made = api.post("/experiments", json=body).json()["id"]
    yield made
    assert api.delete(f"/experiments/{made}").is_success
    assert api.delete(f"/pools/{pool}").is_success


async def test_a_clear_best_arm_gets_the_traffic(system: Up, experiment: str) -> None:
    world = random.Random(7)
    chosen: list[int] = []
    async with connections(system, 1) as (connection,):
        for visitor in range(DECISIONS):
            one = await select(connection, experiment, visitor)
            reward = float(world.random() < RATES[one.arm])
            await acknowledged(connection, one.token, reward)
            chosen.append(one.arm)
    assert set(chosen) == set(range(len(RATES)))
    assert chosen[-LAST:].count(BEST) >= 0.8 * LAST


async def test_a_feedback_reaches_the_next_selects(system: Up, experiment: str) -> None:
    async with connections(system, 1) as (connection,):
        first = await select(connection, experiment, "first")
        assert first.version == 0
        await acknowledged(connection, first.token, 1.0)
        # 10,000 selects take far longer than learning does
        for visitor in range(10_000):
            if (await select(connection, experiment, visitor)).version > 0:
                return
    pytest.fail("no select was answered with what was learned")
