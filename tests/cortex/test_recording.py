"""The decision log: behind the commits, before the trimming, each event one row."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.decided import Dying
from tests.cortex.decided import chosen
from tests.cortex.decided import commit
from tests.cortex.decided import decisions
from tests.cortex.decided import length
from tests.cortex.decided import locked
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import random_events

from cortexsvc.chronicle import PostgresChronicle
from cortexsvc.recording import Recorder
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.refusals import Fenced


@pytest.fixture
def recorder(shard: Shard, engine: AsyncEngine) -> Recorder:
    return Recorder(shard.client, shard.layout, 0, PostgresChronicle(engine, 30))


async def test_what_is_recorded_twice_is_recorded_once(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    await shard.append(*random_events(100))
    await Choices(shard.client, shard.layout, "w").append(
        1, [chosen(n) for n in range(100)]
    )
    await commit(consumer)
    dying = Recorder(shard.client, shard.layout, 0, Dying(engine, 30))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await dying.step(consumer)
    assert len(await decisions(engine)) == 100
    while await recorder.step(consumer):
        pass
    found = await decisions(engine, complete=True)
    assert len(found) == 100
    assert {one.param_version for one in found} == {4}


async def test_a_batch_of_selections_that_arrives_twice_counts_once(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    choices = Choices(shard.client, shard.layout, "w")
    assert await choices.append(1, [chosen(1)])
    assert not await choices.append(1, [chosen(1)])
    assert await choices.append(2, [chosen(2)])
    await recorder.step(consumer)
    assert len(await decisions(engine)) == 2


async def test_selections_that_wait_are_limited(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    choices = Choices(shard.client, shard.layout, "w", limit=2)
    await choices.append(1, [chosen(1), chosen(2)])
    with pytest.raises(Overloaded):
        await choices.append(2, [chosen(3)])
    await recorder.step(consumer)
    assert await choices.append(2, [chosen(3)])


async def test_what_waits_to_be_recorded_fills_the_log(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder
) -> None:
    publisher = RedisStreamPublisher(shard.client, shard.layout, limit=3)
    for round_ in range(3):
        await publisher.append([event(10 * round_ + n) for n in range(3)])
        with pytest.raises(Overloaded):
            await publisher.append([event(10 * round_ + 5)])
        await commit(consumer)
        with pytest.raises(Overloaded):
            await publisher.append([event(10 * round_ + 5)])
        await recorder.step(consumer)


async def test_a_log_that_was_trimmed_before_has_room_for_as_much(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder
) -> None:
    usual = RedisStreamConsumer(shard.client, shard.layout, "c-0")
    publisher = RedisStreamPublisher(shard.client, shard.layout, limit=3)
    for turn, who in enumerate((usual, consumer, usual, consumer)):
        assert await who.acquire()
        await publisher.append([event(10 * turn + n) for n in range(3)])
        with pytest.raises(Overloaded):
            await publisher.append([event(10 * turn + 5)])
        await commit(who)
        if who is consumer:
            await recorder.step(consumer)


async def test_who_lost_the_shard_trims_nothing(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    await shard.append(*random_events(10))
    await commit(consumer)
    successor = RedisStreamConsumer(shard.client, shard.layout, "c-0", trims=False)
    assert await successor.acquire()
    with pytest.raises(Fenced):
        await recorder.step(consumer)
    assert await length(shard) > 0
    await recorder.step(successor)
    assert await length(shard) == 0
    assert len(await decisions(engine)) == 10


async def test_while_postgres_takes_nothing_nothing_is_trimmed(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    await shard.append(event(1))
    await commit(consumer)
    await recorder.step(consumer)
    await shard.append(*random_events(10, start=10))
    await commit(consumer)
    async with locked(engine, "decision_reward"):
        with pytest.raises(Unavailable):
            await recorder.step(consumer)
    assert await length(shard) > 0
    await recorder.step(consumer)
    assert len(await decisions(engine)) == 11


async def test_what_is_no_event_does_not_hold_up_the_rest(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    bad = (b"", b"\xc1", b"\x93\x01\x02")
    for key in (shard.layout.log(0), shard.layout.choices(0)):
        for data in bad:
            await shard.client.execute("XADD", key, "*", 0, data)
    await shard.append(event(1), event(2, generation=2**63), event(3, tenant="\0"))
    await commit(consumer)
    while await recorder.step(consumer):
        pass
    assert [one.token_id[-1] for one in await decisions(engine)] == ["1"]


async def test_days_that_are_over_are_dropped(
    shard: Shard, consumer: RedisStreamConsumer, engine: AsyncEngine
) -> None:
    async with system_session(engine) as session:
        await DecisionLog(session).open_days({date(2020, 1, 1), date(2020, 1, 2)})
    await shard.append(event(1))
    await commit(consumer)
    forever = PostgresChronicle(engine, 0)
    await Recorder(shard.client, shard.layout, 0, forever).step(consumer)
    async with system_session(engine) as session:
        log = DecisionLog(session)
        assert await log.drop_before(date(2020, 1, 2)) == [
            "decision_control_20200101",
            "decision_reward_20200101",
            "decision_selection_20200101",
        ]
    await shard.append(event(2))
    await commit(consumer)
    month = PostgresChronicle(engine, 30)
    await Recorder(shard.client, shard.layout, 0, month).step(consumer)
    assert len(await decisions(engine)) == 2
    async with system_session(engine) as session:
        assert await DecisionLog(session).drop_before(date(2020, 1, 3)) == []


async def test_a_partition_that_is_gone_is_made_again(
    shard: Shard, consumer: RedisStreamConsumer, recorder: Recorder, engine: AsyncEngine
) -> None:
    await shard.append(event(1))
    await commit(consumer)
    await recorder.step(consumer)
    async with system_session(engine) as session:
        await DecisionLog(session).drop_before(date(9999, 1, 1))
    await shard.append(event(2))
    await commit(consumer)
    with pytest.raises(Exception, match="partition"):
        await recorder.step(consumer)
    await recorder.step(consumer)
    assert [one.token_id[-1] for one in await decisions(engine)] == ["2"]
