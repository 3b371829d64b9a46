"""What a warm request may not cost: a word with a store, or memory that stays."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.proxy.hot.driver import Driver
from tests.proxy.hot.rest import Rest

from proxysvc.app import Worker
from qbrixstore.redis.client import RedisClient

REQUESTS = 10_000
WARM_UP = 1_000
ATTEMPTS = 3
# what works in the background speaks and remembers by the second, not by the request
SELECTS_A_COMMAND = 20
REQUESTS_A_BLOCK = 20


@pytest.fixture
def driver(worker: Worker, rest: Rest) -> Driver:
    return Driver(worker, rest.client.headers["x-api-key"])


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Everything that this process says to Postgres."""
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield said
    event.remove(Engine, "before_cursor_execute", note)


async def commands(redis: RedisClient) -> int:
    """Commands that Redis has run, those of scripts included."""
    stats = (await redis.execute("INFO", "commandstats")).decode()
    return sum(
        int(line.partition("calls=")[2].partition(",")[0])
        for line in stats.splitlines()
        if "calls=" in line
    )


async def gated(rest: Rest, experiment: dict[str, Any]) -> None:
    """Put a gate before it that lets everybody through to the bandit."""
    path = f"/api/v1/gates/{experiment['id']}"
    rules = [{"key": "plan", "operator": "==", "value": "pro"}]
    answer = await rest.client.post(path, json={"rules": rules})
    assert answer.is_success, answer.text


@pytest.mark.parametrize("policy", ["BetaTSPolicy", "LinUCBPolicy"])
async def test_a_warm_select_asks_no_store(
    driver: Driver,
    rest: Rest,
    redis: RedisClient,
    statements: list[str],
    policy: str,
) -> None:
    linear = policy == "LinUCBPolicy"
    experiment = await rest.experiment(policy, {"dim": 2} if linear else {})
    await gated(rest, experiment)
    context = {"vector": [1, 2]} if linear else {}
    await driver.selects(experiment["id"], WARM_UP, **context)
    before, said = await commands(redis), len(statements)
    await driver.selects(experiment["id"], REQUESTS, **context)
    assert await commands(redis) - before < REQUESTS / SELECTS_A_COMMAND
    assert len(statements) - said < REQUESTS / SELECTS_A_COMMAND


async def test_requests_leave_no_memory_behind(
    driver: Driver, plain: dict[str, Any]
) -> None:
    async def requests(count: int) -> int:
        """Blocks of memory that so many requests left allocated."""
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(count // WARM_UP):
            tokens = await driver.selects(plain["id"], WARM_UP * 9 // 10)
            await driver.feedbacks(tokens[: WARM_UP // 10])
            del tokens
        gc.collect()
        return sys.getallocatedblocks() - before

    await requests(2 * WARM_UP)
    grown = []
    # what is left behind by requests is left by all of them, each time
    for _ in range(ATTEMPTS):
        grown.append(await requests(REQUESTS))
        if grown[-1] < REQUESTS / REQUESTS_A_BLOCK:
            return
    pytest.fail(f"blocks that {REQUESTS} requests left each time: {grown}")
