"""Windows that ended, as the decision log and the metrics tell of them."""

from __future__ import annotations

from datetime import date

from tests.cortex.decided import commit
from tests.cortex.decided import decisions
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.test_lapsing import HOUR_MS
from tests.cortex.test_lapsing import wait_for

from cortexsvc.chronicle import PostgresChronicle
from cortexsvc.lapsing import Lapsing
from cortexsvc.metrics import CortexMetrics
from cortexsvc.recording import Recorder
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.redis import RedisStreamConsumer


async def test_the_decision_log_has_a_default_as_the_reward_it_is(
    shard: Shard, postgres_server: PostgresSettings
) -> None:
    engine = init_db(postgres_server)
    async with system_session(engine) as session:
        await DecisionLog(session).drop_before(date(9999, 1, 1))
    await shard.define(experiment())
    consumer = RedisStreamConsumer(shard.client, shard.layout, "c-0", trims=False)
    assert await consumer.acquire()
    await shard.append(event(0, reward=1.0))
    await wait_for(shard, range(3))
    metrics = CortexMetrics()
    assert await Lapsing(shard.client, shard.layout, 0, metrics).step(consumer)
    assert not await Lapsing(shard.client, shard.layout, 0, metrics).step(consumer)
    await commit(consumer)
    recorder = Recorder(shard.client, shard.layout, 0, PostgresChronicle(engine, 30))
    while await recorder.step(consumer):
        pass
    found = sorted(await decisions(engine), key=lambda one: one.token_id)
    assert [(one.token_id[-1], one.reward) for one in found] == [
        ("0", 1.0),
        ("1", 0.0),
        ("2", 0.0),
    ]
    await engine.dispose()


async def test_selections_that_wait_are_a_metric(shard: Shard) -> None:
    await shard.define(experiment())
    consumer = RedisStreamConsumer(shard.client, shard.layout, "c-0")
    assert await consumer.acquire()
    await wait_for(shard, range(5), window_ms=HOUR_MS)
    await wait_for(shard, range(5, 7), known_until_ms=1)
    await wait_for(shard, range(7, 10))
    assert (await shard.gauges.progress()).awaiting == 10
    metrics = CortexMetrics()
    assert await Lapsing(shard.client, shard.layout, 0, metrics).step(consumer)
    progress = await shard.gauges.progress()
    metrics.looked(0, True, progress)
    assert progress.awaiting == 5
    assert number(metrics, "windows", "defaulted") == 3
    assert number(metrics, "windows", "overdue") == 2
    assert number(metrics, "awaiting_selections", "0") == 5


def number(metrics: CortexMetrics, name: str, *values: str) -> float:
    """What the metrics say of it."""
    sheet = metrics.sheet
    (found,) = [one for one in sheet.families if one.name == f"qbrix_cortex_{name}"]
    return sheet.cells[found.places[values]]
