"""Windows that end: a default for each selection without feedback, learned once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import numpy as np
from tests.cortex.samples import ARMS
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import defined
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.test_kill import start

from cortexsvc.lapsing import Lapsing
from qbrixcore.definition import DefinitionArm
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.awaited import GRACE_MS
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedReward
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import encode_batch

HOUR_MS = 3_600_000


def arm_of(sequence: int) -> int:
    return sequence % ARMS


async def wait_for(
    shard: Shard, sequences: Sequence[int], window_ms: int = -GRACE_MS, **fields: Any
) -> None:
    """Have selections wait whose windows end so much later than now."""
    now = time.time_ns() // 1_000_000
    for first in range(0, len(sequences), 64):
        given = {
            "tenant": TENANT,
            "experiment": "e1",
            "reward": 0.0,
            "due_ms": now + window_ms,
            "known_until_ms": now + HOUR_MS,
            "selections": tuple(
                AwaitedReward(9, one, now, 0, arm_of(one), None, None)
                for one in sequences[first : first + 64]
            ),
        }
        batch = AwaitedBatch(**{**given, **fields})
        await AwaitedRewards(shard.client, shard.layout).put([encode_batch(batch)])


@asynccontextmanager
async def learning(shard: Shard, name: str = "c-0") -> AsyncIterator[None]:
    trainer, stop = shard.trainer(
        name, companions=[Lapsing(shard.client, shard.layout, 0)]
    )
    running = asyncio.create_task(trainer.run())
    try:
        yield
    finally:
        stop.set()
        await running


async def held(shard: Shard) -> dict[str, int]:
    """Counters of the selections that waited, and of all there was to learn."""
    names = ("awaited", "settled", "defaulted", "overdue")
    reply = await shard.client.execute("HMGET", shard.layout.meta(0), *names)
    counts = {name: int(one or 0) for name, one in zip(names, reply, strict=True)}
    return counts | await shard.gauges.counters()


async def settled(shard: Shard, selections: int) -> dict[str, int]:
    """The counters, once so many selections were settled and the log is learned."""

    async def over() -> bool:
        now = await held(shard)
        return now["settled"] >= selections and now["handled"] == now["events"]

    await shard.until(over)
    return await held(shard)


def expected(sequences: Sequence[int]) -> list[int]:
    return np.bincount([arm_of(one) for one in sequences], minlength=ARMS).tolist()


async def test_each_selection_is_learned_once_with_feedback_or_without(
    shard: Shard,
) -> None:
    await shard.define(experiment())
    sequences = list(range(200))
    await wait_for(shard, sequences)
    rewarded = sequences[::2]
    await shard.append(*(event(one, arm=arm_of(one), reward=1.0) for one in rewarded))
    async with learning(shard):
        counts = await settled(shard, 200)
    assert (counts["defaulted"], counts["learned"], counts["dead"]) == (100, 200, 0)
    assert await shard.pulls() == expected(sequences)
    state: Any = (await shard.state()).state
    assert state.alpha.sum() == ARMS + 100
    # too late: the mark is set
    assert await shard.append(*(event(one, reward=1.0) for one in sequences)) == 0


async def test_a_default_belongs_to_the_generation_of_its_selection(
    shard: Shard,
) -> None:
    definition, prior = defined(experiment())
    await shard.definitions.publish(definition, prior)
    await wait_for(shard, range(4))
    reset = msgspec.structs.replace(definition, version=2, generation=1)
    await shard.definitions.publish(reset, codec.first(reset))
    await wait_for(shard, range(4, 7), selections=_of_generation(1, range(4, 7)))
    async with learning(shard):
        counts = await settled(shard, 7)
    assert (counts["learned"], counts["stale"]) == (3, 4)
    assert sum(await shard.pulls()) == 3


def _of_generation(
    generation: int, sequences: Sequence[int]
) -> tuple[AwaitedReward, ...]:
    return tuple(
        AwaitedReward(9, one, 1, generation, arm_of(one), None, None)
        for one in sequences
    )


async def test_an_arm_that_was_deactivated_meanwhile_is_learned(shard: Shard) -> None:
    definition, prior = defined(experiment())
    await shard.definitions.publish(definition, prior)
    await wait_for(shard, range(9))
    arms = tuple(DefinitionArm(f"a{i}", f"arm {i}", i != 1) for i in range(ARMS))
    # the window is another one by now, too: what held at the selection holds for it
    without = msgspec.structs.replace(
        definition, version=2, arms=arms, reward_window_sec=9, default_reward=1.0
    )
    await shard.definitions.publish(without, codec.first(without))
    async with learning(shard):
        await settled(shard, 9)
    assert await shard.pulls() == [3, 3, 3]
    state: Any = (await shard.state()).state
    assert state.alpha.sum() == ARMS


async def test_selections_of_a_removed_experiment_are_dropped(shard: Shard) -> None:
    await shard.define(experiment())
    await wait_for(shard, range(3))
    await shard.definitions.remove(TENANT, "e1", 2)
    async with learning(shard):
        counts = await settled(shard, 3)
    assert (counts["learned"], counts["dropped"], counts["dead"]) == (0, 3, 0)


async def test_a_default_that_does_not_fit_is_a_dead_letter(shard: Shard) -> None:
    await shard.define(experiment())
    await wait_for(shard, range(3), reward=7.5)
    async with learning(shard):
        counts = await settled(shard, 3)
    assert (counts["learned"], counts["dead"]) == (0, 3)


async def test_what_waited_too_long_is_not_guessed(shard: Shard) -> None:
    await shard.define(experiment())
    await wait_for(shard, range(3), known_until_ms=1)
    await wait_for(shard, range(3, 5))
    async with learning(shard):
        counts = await settled(shard, 5)
    assert (counts["learned"], counts["overdue"]) == (2, 3)


async def test_two_owners_never_both_end_a_window(shard: Shard) -> None:
    await shard.define(experiment())
    count = 0
    for _ in range(6):
        await wait_for(shard, range(count, count + 300))
        count += 300
        # the same name takes over at once, in the middle of the other's work
        async with learning(shard), learning(shard):
            counts = await settled(shard, count)
    assert counts["defaulted"] == counts["learned"] == counts["events"] == count
    assert await shard.pulls() == expected(range(count))


async def test_a_killed_cortex_ends_every_window_once(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment())
    process, count = await start(redis_server), 0
    try:
        for _ in range(2):
            await wait_for(shard, range(count, count + 6_000), window_ms=-HOUR_MS)
            count += 6_000
            goal = count - 4_000

            async def begun(goal: int = goal) -> bool:
                return (await held(shard))["settled"] >= goal

            await shard.until(begun)
            process.kill()
            await process.wait()
            process = await start(redis_server)
        counts = await settled(shard, count)
    finally:
        process.terminate()
        await process.wait()
    assert counts["defaulted"] == counts["learned"] == counts["events"] == count
    assert await shard.pulls() == expected(range(count))


class Lossy(AwaitedRewards):
    """Its work is done, and its answer lost, every other time."""

    calls = 0

    async def lapse(self, *args: Any) -> int | None:
        done = await super().lapse(*args)
        self.calls += 1
        if self.calls % 2:
            raise Unavailable("lost")
        return done


async def test_a_lost_answer_learns_nothing_twice(shard: Shard) -> None:
    await shard.define(experiment())
    await wait_for(shard, range(1_000))
    lapsing = Lapsing(shard.client, shard.layout, 0)
    lapsing._awaited = lossy = Lossy(shard.client, shard.layout)
    trainer, stop = shard.trainer(companions=[lapsing])
    running = asyncio.create_task(trainer.run())
    counts = await settled(shard, 1_000)
    stop.set()
    await running
    assert lossy.calls >= 2
    assert counts["defaulted"] == counts["learned"] == 1_000
    assert await shard.pulls() == expected(range(1_000))
