"""A store that another version left is served by motors and learned on by cortex."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.contract.encodings.write import FILES
from tests.cortex.samples import Shard
from tests.cortex.samples import Shelf

from cortexsvc.keeping import Keeper
from motorsvc.agents import AgentSource
from motorsvc.families import Families
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings

KEY = ("t1", "e1")
POLICY = "LinUCBPolicy"


@pytest.fixture
async def shard(redis_server: RedisSettings) -> AsyncIterator[Shard]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield Shard(client, await Layout.ensure(client))


def stored(name: str, age: str) -> bytes:
    return (FILES / f"{name}.{age}.bin").read_bytes()


async def left(shard: Shard, age: str) -> None:
    """A store as the other version leaves it, with a reward to be learned."""
    layout, state = shard.layout, stored(f"state-{POLICY}", age)
    execute = shard.client.execute
    definition = stored("definition", age)
    await execute("HSET", layout.definition(*KEY), "v", 7, "d", definition)
    fields = ("f", 4, "g", 2, "v", 17, "s", state)
    await execute("HSET", layout.params(*KEY), *fields)
    # behind what these params have learned
    log = layout.log(0)
    await execute("XADD", log, "1700000000001-0", 0, stored("feedback", age))
    await execute("HINCRBY", layout.meta(0), "events", 1)


@pytest.mark.parametrize("age", ["older", "newer"])
async def test_motor_and_cortex_go_on_with_it(shard: Shard, age: str) -> None:
    await left(shard, age)
    agent = await AgentSource(shard.definitions, Families()).load(KEY, None)
    assert agent is not None
    before = await shard.params.get(*KEY)
    assert before is not None
    arms = agent.arms(before.header.num_arms)
    chosen, _ = agent.policy.select_many(
        agent.hyper,
        before.state,
        np.ones((5, 3), np.float32),
        arms.active,
        arms.none_in_flight,
        np.random.default_rng(1),
    )
    # the second arm is switched off, the third not yet defined
    assert set(chosen.tolist()) == {0}

    trainer, stop = shard.trainer()
    await shard.drain(trainer, stop)
    after = await shard.params.get(*KEY)
    assert after is not None
    assert (after.header.version, after.header.updates) == (18, 11)
    assert after.state.pulls.tolist() == [3, 1, 7]
    assert not await shard.dead()


@pytest.mark.parametrize("age", ["older", "newer"])
async def test_snapshots_of_it_can_be_gone_back_to(age: str) -> None:
    shelf = Shelf()
    shelf.kept[(*KEY, 17)] = stored(f"state-{POLICY}", age)
    found = await Keeper(shelf, 60.0).find(KEY, 17)
    assert isinstance(found, Stored)
    assert (found.header.version, found.state.pulls.tolist()) == (17, [3, 0, 7])
    assert codec.decode(codec.encode(found)).header.updates == 10


@pytest.mark.parametrize("age", ["older", "newer"])
async def test_control_events_of_it_are_obeyed(shard: Shard, age: str) -> None:
    await left(shard, age)
    event = stored("control", age)
    await shard.client.execute("XADD", shard.layout.log(0), "*", 0, event)
    await shard.client.execute("HINCRBY", shard.layout.meta(0), "events", 1)
    shelf = Shelf()
    shelf.kept[(*KEY, 17)] = stored(f"state-{POLICY}", age)
    trainer, stop = shard.trainer(shelf=shelf)
    await asyncio.wait_for(shard.drain(trainer, stop), 60)
    after = await shard.params.get(*KEY)
    assert after is not None
    assert (after.header.generation, after.state.num_arms) == (3, 4)
    assert after.state.pulls.tolist() == [3, 0, 7, 0]
    assert after.header.origin is not None
    assert after.header.origin.restored == 17
