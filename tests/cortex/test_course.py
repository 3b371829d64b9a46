"""Control events: what they say holds from their place in the log on, exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.cortex.samples import QUICK
from tests.cortex.samples import Shard
from tests.cortex.samples import Shelf
from tests.cortex.samples import defined
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import random_events
from tests.cortex.test_kill import start

from cortexsvc.gathering import Pace
from qbrixcore.context import Feedback
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.param import codec
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import implementation
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import encode

PARAMS: Mapping[str, Mapping[str, Any]] = {
    name: {**spec.example, **({"dim": 2} if spec.contextual else {})}
    for name, spec in SPECS.items()
}


def rewards(
    count: int, start: int = 0, arms: int = 3, generation: int = 0
) -> list[FeedbackEvent]:
    rng = np.random.default_rng(start)
    return [
        event(
            start + row,
            arm=int(rng.integers(arms)),
            reward=float(rng.integers(2)),
            propensity=0.5,
            vector=rng.normal(size=2).astype("<f4").tobytes(),
            generation=generation,
        )
        for row in range(count)
    ]


def changed(definition: Definition, arms: int = 3, **changes: Any) -> Definition:
    """The next version of a definition."""
    return msgspec.structs.replace(
        definition,
        version=definition.version + 1,
        arms=tuple(DefinitionArm(f"a{i}", f"arm {i}") for i in range(arms)),
        **changes,
    )


async def publish(shard: Shard, definition: Definition) -> None:
    await shard.definitions.publish(definition, codec.first(definition))


async def begin(shard: Shard, policy: str = "BetaTSPolicy") -> Definition:
    definition, _ = defined(experiment(policy=policy, params=PARAMS[policy]))
    await publish(shard, definition)
    return definition


async def train(shard: Shard, pace: Pace = QUICK) -> None:
    await shard.drain(*shard.trainer(pace=pace))


def folded(policy: str, state: Any, hyper: Any, events: list[FeedbackEvent]) -> Any:
    feedback = Feedback.of(
        [one.arm for one in events],
        [one.reward for one in events],
        [one.propensity or np.nan for one in events],
        [np.frombuffer(one.vector or b"", "<f4") for one in events],
    )
    return implementation(policy).fold(hyper, state, feedback)


def bits(state: Any) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in state.arrays().items()}


@pytest.mark.parametrize("policy", sorted(SPECS))
async def test_arms_join_between_rewards_in_log_order(
    shard: Shard, policy: str
) -> None:
    before, after = rewards(40), rewards(40, start=100, arms=5)
    seen = []
    for size in (1, 7, 10_000):
        await shard.empty()
        definition = await begin(shard, policy)
        await shard.append(*before)
        await publish(shard, changed(definition, arms=5))
        await shard.append(*after)
        await train(shard, Pace(events=size, fill_sec=0.0, idle_sec=0.01))
        stored = await shard.state()
        assert (stored.header.num_arms, stored.state.num_arms) == (5, 5)
        assert (stored.header.definition, stored.header.updates) == (2, 80)
        seen.append(bits(stored.state))

    hyper = SPECS[policy].validate(PARAMS[policy])
    state = SPECS[policy].prior(3, hyper)
    state = folded(policy, state, hyper, before)
    state = implementation(policy).grow(hyper, state, 5)
    assert seen == [bits(folded(policy, state, hyper, after))] * 3


async def test_arms_join_without_any_reward(shard: Shard) -> None:
    definition = await begin(shard)
    await publish(shard, changed(definition, arms=4))
    await train(shard)
    stored = await shard.state()
    assert stored.state.num_arms == 4
    assert (stored.header.generation, stored.header.version) == (0, 1)
    counters = await shard.gauges.counters()
    assert counters["events"] == counters["handled"] == 1
    assert counters["learned"] == 0
    assert await shard.gauges.totals() == {}


async def test_parameters_change_between_rewards_and_keep_what_was_learned(
    shard: Shard,
) -> None:
    policy = "DiscountedTSPolicy"
    definition = await begin(shard, policy)
    before, after = rewards(30), rewards(30, start=100)
    old = SPECS[policy].validate({})
    name = next(iter({"gamma", "discount"} & set(definition.hyper)))
    new = SPECS[policy].validate({name: 0.5})
    await shard.append(*before)
    hyper = {**definition.hyper, name: 0.5}
    await publish(shard, changed(definition, hyper=hyper))
    await shard.append(*after)
    await train(shard)

    state = folded(policy, SPECS[policy].prior(3, old), old, before)
    wanted = folded(policy, state, new, after)
    stored = await shard.state()
    assert bits(stored.state) == bits(wanted)
    assert stored.header.hyper == hyper


async def test_a_reset_starts_from_the_prior_in_a_new_generation(shard: Shard) -> None:
    definition = await begin(shard)
    await shard.append(*rewards(50))
    await publish(shard, changed(definition, generation=1))
    late, fresh = rewards(7, start=100), rewards(9, start=200, generation=1)
    await shard.append(*late, *fresh)
    await train(shard)

    stored = await shard.state()
    assert (stored.header.generation, stored.header.updates) == (1, 9)
    assert stored.state.pulls.sum() == 9
    counters = await shard.gauges.counters()
    assert (counters["learned"], counters["stale"]) == (59, 7)
    assert counters["handled"] == counters["events"] == 67


async def test_a_control_event_that_comes_again_changes_nothing(shard: Shard) -> None:
    definition = await begin(shard)
    reset = changed(definition, generation=1)
    await publish(shard, reset)
    await publish(shard, reset)
    assert (await shard.gauges.counters())["events"] == 1
    await shard.append(*rewards(5, generation=1))
    await train(shard)
    # the same event once more, behind what was learned since
    entry = encode(ControlEvent.of(reset))
    await shard.client.execute("XADD", shard.layout.log(0), "*", 0, entry)
    await train(shard)
    stored = await shard.state()
    assert (stored.header.generation, stored.header.updates) == (1, 5)
    assert stored.header.version == 1


async def test_a_way_back_is_looked_up_only_where_it_is_taken(shard: Shard) -> None:
    definition = await begin(shard)
    await shard.append(*rewards(20))
    shelf = Counting()
    trainer, stop = shard.trainer(shelf=shelf)
    await shard.drain(trainer, stop)
    learned = await shard.state()
    place = (definition.tenant, definition.experiment, learned.header.version)
    shelf.kept[place] = codec.encode(learned)
    back = changed(definition, generation=1, restored=learned.header.version)
    await publish(shard, back)
    await shard.append(*rewards(5, start=100), *rewards(6, start=200, generation=1))
    await shard.drain(*shard.trainer(shelf=shelf))
    stored = await shard.state()
    assert (stored.header.generation, stored.header.updates) == (1, 26)
    assert shelf.found == 1
    # a pause later on is no second rollback
    await publish(shard, changed(back, enabled=False))
    await shard.drain(*shard.trainer(shelf=shelf))
    assert shelf.found == 1
    assert (await shard.state()).header.updates == 26


class Counting(Shelf):
    """How often something is looked up."""

    found = 0

    async def find(self, tenant: str, experiment: str, version: int) -> bytes | None:
        self.found += 1
        return await super().find(tenant, experiment, version)


async def test_what_cannot_be_obeyed_is_a_dead_letter(shard: Shard) -> None:
    definition = await begin(shard)
    await shard.append(*rewards(5))
    lost = changed(definition, generation=1, restored=9)
    await publish(shard, lost)
    await shard.append(*rewards(5, start=10))
    await train(shard)
    (letter,) = await shard.dead()
    assert b"no version 9 to go back to" in letter["reason"]
    stored = await shard.state()
    assert (stored.header.generation, stored.header.updates) == (0, 10)


async def test_an_arm_that_no_control_event_told_of_still_learns(shard: Shard) -> None:
    definition = await begin(shard)
    await publish(shard, changed(definition, arms=5))
    await shard.client.execute("XTRIM", shard.layout.log(0), "MAXLEN", 0)
    await shard.append(event(1, arm=4), *random_events(10, start=10))
    await train(shard)
    stored = await shard.state()
    assert (stored.state.num_arms, stored.header.num_arms) == (5, 5)
    assert stored.state.pulls[4] == 1
    assert await shard.dead() == []


async def test_killed_between_resets_each_happens_once(
    shard: Shard, redis_server: RedisSettings
) -> None:
    definition = await begin(shard)
    generations, each = 6, 400
    wanted = []
    for generation in range(generations):
        if generation:
            definition = changed(definition, generation=generation)
            await publish(shard, definition)
        # of every generation some come too late
        now = rewards(each, start=1_000 * generation, generation=generation)
        late = rewards(20, start=1_000 * generation + each, generation=generation - 1)
        wanted = now
        for row in range(0, each, 40):
            await shard.append(*now[row : row + 40])
        if generation:
            await shard.append(*late)
    total = (await shard.gauges.counters())["events"]

    seen = 0
    for part in range(1, 5):
        process = await start(redis_server)
        goal = max(seen + 1, part * total // 6)
        await shard.until(lambda goal=goal: shard.handled(goal))
        process.kill()
        await process.wait()
        seen = (await shard.gauges.counters())["handled"]
    process = await start(redis_server)
    await shard.until(shard.drained)
    process.terminate()
    assert await process.wait() == 0

    stored = await shard.state()
    assert stored.header.generation == generations - 1
    assert stored.header.updates == each
    hyper = SPECS["BetaTSPolicy"].validate({})
    prior = SPECS["BetaTSPolicy"].prior(3, hyper)
    assert bits(stored.state) == bits(folded("BetaTSPolicy", prior, hyper, wanted))
    counters = await shard.gauges.counters()
    assert counters["learned"] == generations * each
    assert counters["stale"] == 20 * (generations - 1)
    assert counters["dead"] == 0
