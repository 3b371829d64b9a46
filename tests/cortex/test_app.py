"""The service as its composition root builds it, over its own port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import random_events

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixproto import common_pb2
from qbrixproto import cortex_pb2
from qbrixproto import cortex_pb2_grpc
from qbrixserving.settings import read_settings
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis import RedisSettings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def settings(redis: RedisSettings, **fields: object) -> CortexSettings:
    """Patient with batches, so that only a flush or a stop ends the wait."""
    return CortexSettings(
        **{
            "grpc_port": 0,
            "batch_timeout_ms": 60_000,
            "flush_interval_sec": 60.0,
            "redis": redis,
            "postgres": PostgresSettings(host="127.0.0.1", port=free_port()),
            **fields,
        }
    )


@asynccontextmanager
async def running(given: CortexSettings) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        cortex(given) as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel,
    ):
        yield channel


async def ready(channel: grpc.aio.Channel, wanted: int = SERVING) -> None:
    """Return when the health service says what is wanted."""
    stub = health_pb2_grpc.HealthStub(channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    async with asyncio.timeout(20):
        async for answer in watch:
            if answer.status == wanted:
                break
    watch.cancel()


async def test_learns_and_says_so(shard: Shard, redis_server: RedisSettings) -> None:
    await shard.define(experiment(), experiment("e2"))
    async with running(settings(redis_server)) as channel:
        stub = cortex_pb2_grpc.CortexServiceStub(channel)
        await ready(channel)
        await shard.append(*random_events(30), event(99, experiment="e2"))
        (before,) = (
            await stub.GetStats(cortex_pb2.GetStatsRequest(experiment_id="e1"))
        ).stats
        assert (before.total_events, before.pending_events) == (0, 30)

        flushed = await stub.FlushBatch(
            cortex_pb2.FlushBatchRequest(experiment_id="e1"), timeout=30
        )
        assert flushed.events_processed == 30
        assert sum(await shard.pulls()) == 30
        again = await stub.FlushBatch(cortex_pb2.FlushBatchRequest(), timeout=30)
        assert again.events_processed == 0

        stats = (await stub.GetStats(cortex_pb2.GetStatsRequest())).stats
        assert [(one.experiment_id, one.total_events) for one in stats] == [
            ("e1", 30),
            ("e2", 1),
        ]
        for one in stats:
            assert one.pending_events == 0
            assert one.last_train_timestamp_ms > 1_600_000_000_000
        nobody = cortex_pb2.GetStatsRequest(experiment_id="nobody")
        assert not (await stub.GetStats(nobody)).stats


async def test_health_and_reflection(shard: Shard, redis_server: RedisSettings) -> None:
    async with running(settings(redis_server)) as channel:
        await ready(channel)
        stub = cortex_pb2_grpc.CortexServiceStub(channel)
        answer = await stub.Health(common_pb2.HealthCheckRequest())
        assert answer.status == common_pb2.HealthCheckResponse.SERVING
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for reply in reflect.ServerReflectionInfo(iter([request])):
            names = {one.name for one in reply.list_services_response.service}
            assert "qbrix.cortex.CortexService" in names
            break


async def test_stopping_commits_the_batch_in_hand_and_lets_go(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment())
    async with running(settings(redis_server)) as channel:
        await ready(channel)
        await shard.append(*random_events(10))
        await asyncio.sleep(0.2)
        assert sum(await shard.pulls()) == 0, "the batch waits to fill"
    assert sum(await shard.pulls()) == 10
    assert await shard.client.execute("EXISTS", shard.layout.lease(0)) == 0


async def test_the_second_stands_by_and_takes_over(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment())
    async with running(settings(redis_server, consumer_name="b-1")) as second:
        await ready(second)
        owner = shard.layout.lease(0)
        assert await shard.client.execute("GET", owner) == b"b-1"
        third = settings(redis_server, consumer_name="c-2", batch_timeout_ms=0)
        async with running(third) as standing_by:
            await ready(standing_by)
            stub = cortex_pb2_grpc.CortexServiceStub(standing_by)
            await shard.append(event(1))
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stub.FlushBatch(cortex_pb2.FlushBatchRequest(), timeout=30)
            assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
            stats = (await stub.GetStats(cortex_pb2.GetStatsRequest())).stats
            assert [one.experiment_id for one in stats] == ["e1"]
            # the owner is gone without a word: its lease is all that is left
            await shard.client.execute("DEL", owner)
            await shard.client.execute("HINCRBY", shard.layout.meta(0), "fence", 1)
            await shard.until(lambda: shard.handled(1))
            assert sum(await shard.pulls()) == 1
            assert await shard.client.execute("GET", owner) == b"c-2"


async def test_unready_until_the_store_is_there(
    server_directory: Path, postgres_server: PostgresSettings
) -> None:
    port = free_port()
    away = RedisSettings(port=port, password="secret")
    async with running(settings(away, postgres=postgres_server)) as channel:
        stub = cortex_pb2_grpc.CortexServiceStub(channel)
        await ready(channel, NOT_SERVING)
        for call in (
            stub.GetStats(cortex_pb2.GetStatsRequest()),
            stub.FlushBatch(cortex_pb2.FlushBatchRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call
            assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
        async with Valkey(server_directory, port, "secret"):
            await ready(channel)


async def test_a_changed_definition_is_learned_with(
    shard: Shard, redis_server: RedisSettings
) -> None:
    removed = experiment("e9")
    await shard.define(removed)
    async with running(settings(redis_server)) as channel:
        stub = cortex_pb2_grpc.CortexServiceStub(channel)
        await ready(channel)
        await shard.append(event(1, experiment="e9"))
        await stub.FlushBatch(cortex_pb2.FlushBatchRequest(), timeout=30)
        await shard.definitions.remove(TENANT, "e9", 2)
        await shard.append(event(2, experiment="e9"))
        await stub.FlushBatch(cortex_pb2.FlushBatchRequest(), timeout=30)
        counters = await shard.gauges.counters()
        assert (counters["learned"], counters["dropped"]) == (1, 1)


def test_settings_come_from_the_environment() -> None:
    found = read_settings(
        CortexSettings,
        "CORTEX_",
        {
            "CORTEX_GRPC_PORT": "1",
            "CORTEX_BATCH_SIZE": "7",
            "CORTEX_BATCH_TIMEOUT_MS": "5",
            "CORTEX_FLUSH_INTERVAL_SEC": "0.5",
            "CORTEX_CONSUMER_NAME": "cortex-3",
            "CORTEX_REDIS_HOST": "redis",
            "CORTEX_REDIS_PASSWORD": "secret-of-redis",
            "CORTEX_POSTGRES_DATABASE": "learned",
        },
    )
    assert (found.grpc_port, found.batch_size, found.batch_timeout_ms) == (1, 7, 5)
    assert (found.flush_interval_sec, found.consumer_name) == (0.5, "cortex-3")
    assert (found.redis.host, found.postgres.database) == ("redis", "learned")
    assert "secret-of-redis" not in repr(found)
