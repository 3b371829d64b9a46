"""An emptied Redis: noticed, filled from Postgres, and nothing served meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.samples import Shard
from tests.cortex.test_kill import start

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from qbrixcore.definition import make_definition
from qbrixcore.errors import Unavailable
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import get_session
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.rebuild import AHEAD
from qbrixstore.rebuild import open_store
from qbrixstore.rebuild import rebuild
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.refusals import LayoutMismatch

ARMS = 3


class Place:
    """An experiment in both stores."""

    def __init__(self, engine: AsyncEngine, shard: Shard) -> None:
        self.engine = engine
        self.shard = shard
        self.key = ("", "")

    async def create(self) -> None:
        async with system_session(self.engine) as session:
            tenant = (await Tenants(session).add("t")).id
        arms = tuple(Arm(uuid4().hex, f"arm {i}", i) for i in range(ARMS))
        pool = Pool(uuid4().hex, uuid4().hex, arms)
        made = Experiment(uuid4().hex, uuid4().hex, pool, "BetaTSPolicy")
        async with get_session(self.engine, tenant) as session:
            await Pools(session, tenant).add(pool)
            record = await Experiments(session, tenant).add(made)
        definition = make_definition(tenant, record.experiment, record.version)
        await self.shard.definitions.publish(definition, codec.first(definition))
        self.key = (tenant, made.id)

    def rewards(
        self, count: int, start: int, generation: int = 0
    ) -> list[FeedbackEvent]:
        rng = np.random.default_rng(start)
        return [
            FeedbackEvent(
                issuer=5,
                sequence=start + row,
                tenant=self.key[0],
                experiment=self.key[1],
                generation=generation,
                arm=int(rng.integers(ARMS)),
                reward=float(rng.integers(2)),
            )
            for row in range(count)
        ]

    async def stored(self) -> Stored:
        stored = await self.shard.params.get(*self.key)
        assert stored is not None
        return stored

    async def learned(self, rewards: int) -> bool:
        return (await self.stored()).header.updates == rewards

    async def kept(self) -> list[int]:
        async with system_session(self.engine) as session:
            return [one.updates for one in await Snapshots(session).listing(*self.key)]

    async def found_again(self) -> None:
        """Use the store as it is now."""
        layout = await Layout.read(self.shard.client)
        self.shard = Shard(self.shard.client, layout)


@pytest.fixture
async def place(
    shard: Shard, postgres_server: PostgresSettings
) -> AsyncIterator[Place]:
    engine = init_db(postgres_server)
    place = Place(engine, shard)
    await place.create()
    yield place
    await engine.dispose()


@asynccontextmanager
async def running(
    redis: RedisSettings, postgres: PostgresSettings, **more: float
) -> AsyncIterator[None]:
    given = CortexSettings(
        grpc_port=0, batch_timeout_ms=1, redis=redis, postgres=postgres, **more
    )
    async with cortex(given):
        yield


async def opened(place: Place) -> bool:
    await place.found_again()
    return True


async def test_a_running_cortex_fills_it_with_what_it_holds(
    place: Place, redis_server: RedisSettings, postgres_server: PostgresSettings
) -> None:
    async with running(redis_server, postgres_server):
        await place.shard.append(*place.rewards(40, start=0))
        await place.shard.until(lambda: place.learned(40))
        before = await place.stored()
        assert await place.kept() == []
        old = place.shard
        await old.client.execute("FLUSHALL")
        await place.shard.until(lambda: opened(place))
        after = await place.stored()
        assert after.state.pulls.tolist() == before.state.pulls.tolist()
        assert after.header.version == before.header.version + AHEAD
        # whoever knew the store as it was is refused, and not taken for empty
        with pytest.raises(LayoutMismatch):
            await old.append(*place.rewards(1, start=90))
        with pytest.raises(Unavailable):
            await old.definitions.get("nobody", "nothing")
        await place.shard.append(*place.rewards(10, start=100))
        await place.shard.until(lambda: place.learned(50))
    # one of what was held, one of the end
    assert await place.kept() == [50, 40]


async def test_snapshots_are_written_at_intervals_and_the_last_few_kept(
    place: Place, redis_server: RedisSettings, postgres_server: PostgresSettings
) -> None:
    pace = {"snapshot_interval_sec": 0.05, "snapshots_kept": 2}
    async with running(redis_server, postgres_server, **pace):
        for part in range(1, 5):
            await place.shard.append(*place.rewards(10, start=100 * part))

            async def snapshot(wanted: int = 10 * part) -> bool:
                return (await place.kept())[:1] == [wanted]

            await place.shard.until(snapshot)
    assert await place.kept() == [40, 30]


async def test_a_killed_cortex_loses_what_the_snapshot_lacks_and_no_more(
    place: Place, redis_server: RedisSettings, postgres_server: PostgresSettings
) -> None:
    async with running(redis_server, postgres_server):
        await place.shard.append(*place.rewards(30, start=0))
        await place.shard.until(lambda: place.learned(30))
    assert await place.kept() == [30]
    process = await start(redis_server)
    await place.shard.append(*place.rewards(15, start=100))
    await place.shard.until(lambda: place.learned(45))
    process.kill()
    await process.wait()

    await place.shard.client.execute("FLUSHALL")
    with pytest.raises(Unavailable):
        await Layout.read(place.shard.client)
    async with running(redis_server, postgres_server):
        await place.shard.until(lambda: opened(place))
        assert (await place.stored()).header.updates == 30


async def test_nobody_sees_a_store_that_is_being_filled(
    place: Place, redis_server: RedisSettings
) -> None:
    shard = place.shard
    await shard.client.execute("FLUSHALL")
    layout, in_use = await Layout.prepare(shard.client)
    assert not in_use
    # a crash half-way: the next one goes on in the same incarnation
    await rebuild(shard.client, place.engine, layout)
    with pytest.raises(Unavailable, match="no layout"):
        await Layout.read(shard.client)
    again = await open_store(shard.client, place.engine)
    assert again == layout == await Layout.read(shard.client)
    assert (await open_store(shard.client, place.engine)) == layout


async def test_lost_params_are_missing_until_they_are_rebuilt(place: Place) -> None:
    shard = place.shard
    await shard.client.execute("DEL", shard.layout.params(*place.key))
    definition = await shard.definitions.get(*place.key)
    assert definition is not None
    async with get_session(place.engine, place.key[0]) as session:
        record = await Experiments(session, place.key[0]).update(
            place.key[1], enabled=False
        )
    newer = make_definition(place.key[0], record.experiment, record.version)
    assert await shard.definitions.publish(newer, codec.first(newer))
    assert await shard.params.get(*place.key) is None
    rebuilt = await rebuild(shard.client, place.engine, shard.layout)
    assert rebuilt.blank >= 1
    header = (await place.stored()).header
    # what stands in the log before was not learned from there on
    assert (header.version, header.origin) == (AHEAD, None)


async def test_a_generation_survives_the_store(place: Place) -> None:
    tenant, experiment = place.key
    async with get_session(place.engine, tenant) as session:
        experiments = Experiments(session, tenant)
        await experiments.update(experiment, enabled=False)
        await experiments.restart(experiment)
    await place.shard.client.execute("FLUSHALL")
    await open_store(place.shard.client, place.engine)
    await place.found_again()
    header = (await place.stored()).header
    assert header.generation == 1
    assert header.origin is not None
    assert header.origin.since == place.shard.layout.incarnation


async def test_a_follower_takes_over_the_incarnation(place: Place) -> None:
    layout = place.shard.layout
    old = layout.incarnation
    await place.shard.client.execute("FLUSHALL")
    following = asyncio.create_task(layout.follow(place.shard.client))
    await open_store(place.shard.client, place.engine)

    async def followed() -> bool:
        return layout.incarnation != old

    await place.shard.until(followed)
    following.cancel()
    await place.shard.append(*place.rewards(3, start=0))
    assert await place.shard.gauges.end() != "0-0"
