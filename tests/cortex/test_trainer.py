"""Training: each event once, in order, and nothing stops the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from tests.cortex.samples import ARMS
from tests.cortex.samples import QUICK
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import defined
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import pulls
from tests.cortex.samples import random_events

from cortexsvc.gathering import Pace
from qbrixcore.definition import Definition
from qbrixcore.errors import Unavailable
from qbrixcore.param.codec import Stored
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.event import decode

NAMES = ("e1", "e2", "e3")


def small(events: int = 50) -> Pace:
    return Pace(events=events, fill_sec=0.0, idle_sec=0.01)


async def raw(shard: Shard, *fields: bytes) -> None:
    """An entry that no publisher of ours would write."""
    flat = [part for i, data in enumerate(fields) for part in (i, data)]
    await shard.client.execute("XADD", shard.layout.log(0), "*", *flat)


async def train(shard: Shard, pace: Pace = QUICK) -> None:
    await shard.drain(*shard.trainer(pace=pace))


async def test_every_token_is_learned_once(shard: Shard) -> None:
    await shard.define(*map(experiment, NAMES))
    events = random_events(2_000, NAMES)
    await shard.append(*events)
    await shard.append(*events[::3])
    await train(shard, small(300))
    for name in NAMES:
        assert await shard.pulls(name) == pulls(events, name)
        header = (await shard.state(name)).header
        assert header.updates == sum(pulls(events, name))
        assert header.learned_through == await shard.gauges.end()
        assert header.fence == 1
    counters = await shard.gauges.counters()
    assert counters["events"] == counters["handled"] == counters["learned"] == 2_000


@pytest.mark.parametrize(
    ("policy", "params"),
    [("BetaTSPolicy", {}), ("EXP3Policy", {}), ("LinUCBPolicy", {"dim": 2})],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_any_split_into_batches_gives_the_same_bits(
    shard: Shard, policy: str, params: dict[str, object]
) -> None:
    learned = []
    for size in (1, 7, 64, 10_000):
        await shard.empty()
        await shard.define(experiment(policy=policy, params=params))
        rng = np.random.default_rng(1)
        for start in range(0, 300, 30):
            await shard.append(
                *(
                    event(
                        start + row,
                        arm=int(rng.integers(ARMS)),
                        reward=float(rng.integers(2)),
                        propensity=float(rng.uniform(0.1, 1)),
                        vector=rng.normal(size=2).astype("<f4").tobytes(),
                    )
                    for row in range(30)
                )
            )
        await train(shard, small(size))
        arrays = (await shard.state()).state.arrays()
        learned.append({name: array.tobytes() for name, array in arrays.items()})
    assert all(bits == learned[0] for bits in learned)


async def test_events_of_another_generation_are_counted_not_learned(
    shard: Shard,
) -> None:
    await shard.define(experiment())
    stored = await shard.state()
    header = msgspec.structs.replace(stored.header, generation=2, version=7)
    await shard.params.put(TENANT, "e1", Stored(header, stored.state))
    await shard.append(
        *(event(row, generation=row % 4, arm=row % 2) for row in range(40))
    )
    await train(shard)
    assert await shard.pulls() == [10, 0, 0]
    header = (await shard.state()).header
    assert (header.generation, header.version) == (2, 8)
    counters = await shard.gauges.counters()
    assert (counters["learned"], counters["stale"], counters["dead"]) == (10, 30, 0)


async def test_only_stale_events_write_no_params(shard: Shard) -> None:
    await shard.define(experiment())
    await shard.append(event(1, generation=5))
    await train(shard)
    assert (await shard.state()).header.version == 0
    assert (await shard.gauges.counters())["stale"] == 1


async def test_poison_goes_to_the_dead_letters_and_the_rest_is_learned(
    shard: Shard,
) -> None:
    await shard.define(experiment())
    await shard.append(event(1), event(2, arm=9), event(3, reward=7.0))
    await raw(shard, b"\xc1 not an event")
    await shard.append(event(4, experiment="ghost"), event(5, arm=1))
    await train(shard)
    assert await shard.pulls() == [1, 1, 0]
    reasons = [letter["reason"].decode() for letter in await shard.dead()]
    expected = ("no such arm", "reward must be", "undecodable", "unknown experiment")
    assert len(reasons) == len(expected)
    for word in expected:
        assert any(word in reason for reason in reasons), (word, reasons)
    assert await shard.drained()


async def test_a_dead_letter_holds_all_that_is_needed_to_try_again(
    shard: Shard,
) -> None:
    bad = event(1, experiment="ghost", reward=0.25)
    await shard.append(event(0, experiment="ghost"), bad)
    end = await shard.gauges.end()
    await train(shard)
    letter = (await shard.dead())[1]
    assert (letter["id"].decode(), letter["offset"]) == (end, b"1")
    assert decode(letter["event"]) == bad


async def test_missing_params_are_never_the_prior(shard: Shard) -> None:
    await shard.define(experiment())
    await shard.client.execute("DEL", shard.layout.params(TENANT, "e1"))
    await shard.append(event(1))
    await train(shard)
    assert await shard.params.get(TENANT, "e1") is None
    assert b"params" in (await shard.dead())[0]["reason"]


@pytest.mark.parametrize(
    ("key", "field", "value", "reason"),
    [
        ("params", "s", b"garbage", b"unreadable params"),
        ("definition", "d", b"\xc1", b"definition"),
    ],
)
async def test_damaged_data_is_a_dead_letter(
    shard: Shard, key: str, field: str, value: bytes, reason: bytes
) -> None:
    await shard.define(*map(experiment, NAMES))
    name = getattr(shard.layout, key)(TENANT, "e1")
    await shard.client.execute("HSET", name, field, value)
    await shard.append(event(1), event(2, experiment="e2"))
    await train(shard)
    assert reason in (await shard.dead())[0]["reason"]
    assert await shard.pulls("e2") == [1, 0, 0]


async def test_feedback_of_a_removed_experiment_is_dropped(shard: Shard) -> None:
    await shard.define(experiment())
    await shard.append(event(1))
    await shard.definitions.remove(TENANT, "e1", 2)
    await train(shard)
    counters = await shard.gauges.counters()
    assert (counters["dropped"], counters["dead"]) == (1, 0)
    assert await shard.params.get(TENANT, "e1") is None


async def test_params_changed_by_another_hand_are_read_again(shard: Shard) -> None:
    await shard.define(experiment())
    trainer, stop = shard.trainer()
    running = asyncio.create_task(trainer.run())
    await shard.append(event(1))
    await shard.until(shard.drained)
    stored = await shard.state()
    header = msgspec.structs.replace(stored.header, version=50)
    await shard.params.put(TENANT, "e1", Stored(header, stored.state))
    await shard.append(event(2, arm=1))
    await shard.until(shard.drained)
    assert await shard.pulls() == [1, 1, 0]
    assert (await shard.state()).header.version == 51
    stop.set()
    await running


class Registry:
    """A Postgres that is away for the first calls."""

    def __init__(self, away: int, known: Sequence[Definition]) -> None:
        self.away = away
        self.asked = 0
        self._known = {one.experiment: one for one in known}

    async def find(self, tenant: str, experiment: str) -> Definition | None:
        self.asked += 1
        if self.asked <= self.away:
            raise Unavailable("away")
        return self._known.get(experiment)


async def test_while_postgres_is_away_nothing_is_called_unknown(shard: Shard) -> None:
    await shard.define(*map(experiment, NAMES))
    await shard.client.execute("DEL", shard.layout.definition(TENANT, "e1"))
    await shard.append(event(1), event(2, experiment="ghost"))
    registry = Registry(away=3, known=[defined(experiment())[0]])
    await shard.drain(*shard.trainer(registry=registry))
    assert registry.asked > 3
    assert await shard.pulls("e1") == [1, 0, 0]
    (letter,) = await shard.dead()
    assert letter["reason"] == b"unknown experiment"


async def test_two_owners_never_both_learn(shard: Shard) -> None:
    await shard.define(*map(experiment, NAMES))
    events = random_events(3_000, NAMES)
    first, first_stop = shard.trainer("c-0", small(20))
    second, second_stop = shard.trainer("c-0", small(20))
    running = [asyncio.create_task(first.run()), asyncio.create_task(second.run())]
    thief = RedisStreamConsumer(shard.client, shard.layout, "c-0", lease_ms=1)
    for start in range(0, 3_000, 100):
        await shard.append(*events[start : start + 100])
        if start % 500 == 0:
            await thief.acquire()
    await shard.until(shard.drained)
    first_stop.set()
    second_stop.set()
    await asyncio.gather(*running)
    for name in NAMES:
        assert await shard.pulls(name) == pulls(events, name)
    assert (await shard.gauges.counters())["handled"] == 3_000


async def test_a_stopped_trainer_commits_and_lets_go(shard: Shard) -> None:
    await shard.define(experiment())
    trainer, stop = shard.trainer(pace=Pace(fill_sec=30.0, flush_sec=60.0))
    running = asyncio.create_task(trainer.run())
    await asyncio.wait_for(trainer.reached.wait(), 10)
    await shard.append(event(1))
    await asyncio.sleep(0.2)
    assert await shard.pulls() == [0, 0, 0], "the batch waits to fill"
    stop.set()
    trainer.hurry()
    await running
    assert await shard.pulls() == [1, 0, 0]
    assert await shard.client.execute("EXISTS", shard.layout.lease(0)) == 0


async def test_a_flush_does_not_wait_for_the_batch_to_fill(shard: Shard) -> None:
    await shard.define(experiment())
    trainer, stop = shard.trainer(pace=Pace(fill_sec=30.0, flush_sec=60.0))
    running = asyncio.create_task(trainer.run())
    await asyncio.wait_for(trainer.reached.wait(), 10)
    await shard.append(*random_events(10))
    async with asyncio.timeout(15):
        await trainer.flush(await shard.gauges.end())
    assert sum(await shard.pulls()) == 10
    stop.set()
    trainer.hurry()
    await running


async def test_nobody_flushes_what_another_owns(shard: Shard) -> None:
    trainer, _ = shard.trainer()
    with pytest.raises(Unavailable, match="another cortex"):
        await trainer.flush("99-0")
