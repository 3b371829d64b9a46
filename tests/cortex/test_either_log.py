"""What the decision log is, in Postgres and in files alike."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.decided import chosen
from tests.cortex.decided import commit
from tests.cortex.decided import decisions
from tests.cortex.decided import length
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import random_events

from cortexsvc.chronicle import Portion
from cortexsvc.chronicle import PostgresChronicle
from cortexsvc.filing import ParquetChronicle
from cortexsvc.recording import Recorder
from qbrixstore.decisions import Decision
from qbrixstore.parquet.reading import ParquetDecisions
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.choices import Choices


@dataclass(frozen=True)
class Log:
    """Who records, and what it has recorded: all, or what has its selection too."""

    recorder: Recorder
    read: Callable[[bool], Awaitable[Sequence[Decision]]]


@pytest.fixture(params=("postgres", "parquet"))
def log(
    request: pytest.FixtureRequest, shard: Shard, engine: AsyncEngine, tmp_path: Path
) -> Log:
    async def rows(complete: bool) -> Sequence[Decision]:
        return await decisions(engine, complete=complete)

    async def filed(complete: bool) -> Sequence[Decision]:
        found = ParquetDecisions(tmp_path).decisions("e1", complete)
        return [one async for one in found]

    if request.param == "postgres":
        recorder = Recorder(
            shard.client, shard.layout, 0, PostgresChronicle(engine, 30)
        )
        return Log(recorder, rows)
    files = ParquetChronicle(tmp_path, 30, Portion())
    return Log(Recorder(shard.client, shard.layout, 0, files), filed)


async def test_what_is_committed_is_recorded_and_only_then_trimmed(
    shard: Shard, consumer: RedisStreamConsumer, log: Log
) -> None:
    await shard.append(*random_events(300))
    await log.recorder.step(consumer)
    assert await log.read(False) == []
    assert await length(shard) > 0
    await commit(consumer)
    assert await length(shard) > 0
    assert await log.recorder.step(consumer)
    assert await length(shard) == 0
    assert not await log.recorder.step(consumer)
    assert len(await log.read(False)) == 300
    assert sum(one.reward or 0 for one in await log.read(False)) == sum(
        one.reward for one in random_events(300)
    )


async def test_a_reward_meets_its_selection(
    shard: Shard, consumer: RedisStreamConsumer, log: Log
) -> None:
    vector = b"\0\0\x80\x3f\0\0\0\x40"
    choices = Choices(shard.client, shard.layout, "w")
    await choices.append(1, [chosen(1, vector=vector), chosen(2, context_id="ü")])
    await shard.append(
        event(1, arm=1, reward=0.5, vector=vector, issued_ms=1_001),
        event(3, arm=2, reward=1.0, propensity=0.125, issued_ms=1_003),
    )
    await commit(consumer)
    await log.recorder.step(consumer)
    first, second, third = await log.read(False)
    assert first == Decision(
        "0000000000000009-1", 1_001, "c1", 0, 4, 1, 0.25, 0.5, vector
    )
    assert (second.context_id, second.reward) == ("ü", None)
    # its selection was lost on the way: the reward says itself what was chosen
    assert (third.context_id, third.arm_index, third.propensity) == (None, 2, 0.125)
    complete = await log.read(True)
    assert [one.token_id[-1] for one in complete] == ["1", "3"]
