"""The real process, killed in the middle of a log again and again."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping

import numpy as np
from tests.cortex.samples import ARMS
from tests.cortex.samples import Shard
from tests.cortex.samples import defined
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import pulls

from qbrixcli.embedded.ports import free_port
from qbrixcore.context import Feedback
from qbrixcore.experiment import Experiment
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.registry import implementation
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import RedisSettings

KILLS = 5
EVENTS = 30_000
DIM = 4
EXPERIMENTS = (
    experiment("beta"),
    experiment("exp3", policy="EXP3Policy"),
    experiment("lin", policy="LinUCBPolicy", params={"dim": DIM}),
)


def environment(redis: RedisSettings) -> Mapping[str, str]:
    return {
        **os.environ,
        "CORTEX_GRPC_PORT": str(free_port()),
        "CORTEX_BATCH_SIZE": "100",
        "CORTEX_REDIS_HOST": redis.host,
        "CORTEX_REDIS_PORT": str(redis.port),
        "CORTEX_REDIS_PASSWORD": redis.password,
    }


async def start(redis: RedisSettings) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cortexsvc", env=environment(redis)
    )


def mixed_events(seed: int) -> list[FeedbackEvent]:
    rng = np.random.default_rng(seed)
    arms = rng.integers(0, ARMS, EVENTS).tolist()
    vectors = rng.normal(size=(EVENTS, DIM)).astype("<f4")
    return [
        event(
            row,
            experiment=EXPERIMENTS[row % 3].id,
            arm=arm,
            reward=float(row % 2),
            propensity=0.5,
            vector=vectors[row].tobytes(),
        )
        for row, arm in enumerate(arms)
    ]


def folded(one: Experiment, events: list[FeedbackEvent]) -> BaseParamState:
    """What the policy learns from the events in order, without any store."""
    ours = [event for event in events if event.experiment == one.id]
    policy = implementation(one.policy)
    feedback = Feedback.of(
        [event.arm for event in ours],
        [event.reward for event in ours],
        [event.propensity or np.nan for event in ours],
        [np.frombuffer(event.vector or b"", "<f4") for event in ours],
    )
    hyper = policy.spec.validate(one.policy_params)
    state: BaseParamState = policy.fold(hyper, defined(one)[1].state, feedback)
    return state


async def test_killed_in_the_middle_of_a_log(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(*EXPERIMENTS)
    events = mixed_events(seed=5)
    for row in range(0, EVENTS, 30):
        await shard.append(*events[row : row + 30])
    await shard.append(*events[::7])

    seen = 0
    for _ in range(KILLS):
        process = await start(redis_server)
        goal = seen + EVENTS // (2 * KILLS)
        await shard.until(lambda goal=goal: shard.handled(goal))
        process.kill()
        await process.wait()
        seen = (await shard.gauges.counters())["handled"]
        assert goal <= seen < EVENTS, "killed in the middle"

    process = await start(redis_server)
    await shard.until(shard.drained)
    process.terminate()
    assert await process.wait() == 0

    for one in EXPERIMENTS:
        assert await shard.pulls(one.id) == pulls(events, one.id)
        header = (await shard.state(one.id)).header
        assert header.updates == EVENTS // 3
        assert header.fence == KILLS + 1
        learned = (await shard.state(one.id)).state.arrays()
        for name, array in folded(one, events).arrays().items():
            assert learned[name].tobytes() == array.tobytes(), (one.id, name)
    counters = await shard.gauges.counters()
    assert counters["learned"] == counters["handled"] == counters["events"] == EVENTS
    assert counters["dead"] == 0
    assert await shard.client.execute("XLEN", shard.layout.log(0)) == 0
    assert await shard.client.execute("EXISTS", shard.layout.lease(0)) == 0
