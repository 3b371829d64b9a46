"""Arms of a pool in use: added, explored, learned, taken out and put back."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.proxy.waiting import eventually
from tests.system.learned import learned
from tests.system.running import Up
from tests.system.running import scratch
from tests.system.traffic import SELECT
from tests.system.traffic import acknowledged
from tests.system.traffic import connections
from tests.system.traffic import select

RATES = (0.1, 0.3, 0.9)  # the last one joins later
NEW = 2
BEFORE = 300
AFTER = 1_200
LAST = 200
CONNECTIONS = 8  # more than workers, so that each has some


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A system whose proxy has two workers."""
    up = Up(scratch(), PROXY_HTTP_WORKERS="2")
    try:
        yield up.start()
    finally:
        up.put_away()


@pytest.fixture
async def api(up: Up) -> AsyncIterator[httpx.AsyncClient]:
    made = up.credentials
    async with httpx.AsyncClient(
        base_url=f"{made['http_url']}/api/v1",
        headers={"X-API-Key": made["api_key"]},
        timeout=10,
        trust_env=False,
    ) as client:
        yield client


async def started(api: httpx.AsyncClient, policy: str, arms: int) -> dict[str, Any]:
    """An experiment on a pool of its own."""
    named = [{"name": f"arm {index}"} for index in range(arms)]
    name = f"{policy} of {arms}"
    pool = (await api.post("/pools", json={"name": name, "arms": named})).json()["id"]
    body = {"name": name, "pool_id": pool, "policy": policy}
    made: dict[str, Any] = (await api.post("/experiments", json=body)).json()
    return made


async def traffic(up: Up, experiment: str, decisions: int, world: random.Random) -> Any:
    """Arms decided for and rewarded, in order, over all workers."""
    chosen: list[int] = []
    async with connections(up, CONNECTIONS) as pipes:

        async def visit(pipe: Any) -> None:
            while len(chosen) < decisions:
                one = await select(pipe, experiment, len(chosen))
                chosen.append(one.arm)
                reward = float(world.random() < RATES[one.arm])
                await acknowledged(pipe, one.token, reward)

        await asyncio.gather(*(visit(pipe) for pipe in pipes))
    return chosen


async def arms_now(up: Up, experiment: str, decisions: int = 200) -> set[int]:
    """Which arms every worker decides for, without rewards."""
    async with connections(up, CONNECTIONS) as pipes:
        chosen = [
            (await select(pipe, experiment, n)).arm
            for n in range(decisions // CONNECTIONS)
            for pipe in pipes
        ]
    return set(chosen)


@pytest.mark.parametrize("policy", ["BetaTSPolicy", "auto"])
async def test_an_arm_joins_is_learned_leaves_and_comes_back(
    up: Up, api: httpx.AsyncClient, policy: str
) -> None:
    experiment = await started(api, policy, NEW)
    world, id_ = random.Random(7), experiment["id"]
    arms = f"/pools/{experiment['pool_id']}/arms"
    async with learned(up, id_) as state:
        first = await traffic(up, id_, BEFORE, world)
        before = (await state.until(len(first))).tolist()

        added = await api.post(arms, json={"arms": [{"name": "the best"}]})
        assert added.status_code == 201, added.text
        best = added.json()["arms"][NEW]

        async def has_room() -> bool:
            return (await state.stored()).header.num_arms == NEW + 1

        await eventually(has_room)
        grown = await state.stored()
        assert grown.state.pulls.tolist() == [*before, 0]
        assert grown.header.updates == len(first)

        second = await traffic(up, id_, AFTER, world)
        assert second[-LAST:].count(NEW) > 0.6 * LAST
        pulls = (await state.until(len(first) + len(second))).tolist()
        assert pulls[:NEW] == [before[a] + second.count(a) for a in range(NEW)]
        assert pulls[NEW] == second.count(NEW)

        # a token of it, for later
        async with connections(up, 1) as (pipe,):
            while (late := await select(pipe, id_, "late")).arm != NEW:
                pass

        taken = await api.patch(f"{arms}/{best['id']}", json={"is_active": False})
        assert taken.json() == {**best, "is_active": False}
        await asyncio.sleep(1)
        assert await arms_now(up, id_) <= {0, 1}

        async with connections(up, 1) as (pipe,):
            await acknowledged(pipe, late.token, 1.0)
        kept = (await state.until(sum(pulls) + 1)).tolist()
        assert kept == [*pulls[:NEW], pulls[NEW] + 1]

        back = await api.patch(f"{arms}/{best['id']}", json={"is_active": True})
        assert back.json() == best
        await asyncio.sleep(1)
        assert NEW in await arms_now(up, id_)
        assert (await state.pulls()).tolist() == kept


async def test_all_arms_may_be_replaced_at_once(up: Up, api: httpx.AsyncClient) -> None:
    """The old ones leave before the new one was ever decided for."""
    experiment = await started(api, "BetaTSPolicy", 1)
    id_, old = experiment["id"], experiment["pool"]["arms"][0]["id"]
    assert await arms_now(up, id_, CONNECTIONS) == {0}
    arms = f"/pools/{experiment['pool_id']}/arms"
    assert (await api.post(arms, json={"arms": [{"name": "b"}]})).is_success
    assert (await api.patch(f"{arms}/{old}", json={"is_active": False})).is_success
    context = {"experiment_id": id_, "context": {"id": "somebody"}}
    body = json.dumps(context).encode()
    statuses: set[int] = set()
    async with connections(up, CONNECTIONS) as pipes:

        async def decides() -> bool:
            found = {(await pipe.post(SELECT, body)).status for pipe in pipes}
            statuses.update(found)
            return found == {200}

        await eventually(decides)
    # clients have something to fall back on until the new one is known
    assert statuses <= {200, 503}
    await asyncio.sleep(1)
    assert await arms_now(up, id_) == {1}
