"""How far training is, as CortexService tells it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import random_events
from tests.cortex.test_app import ready
from tests.cortex.test_app import running
from tests.cortex.test_app import settings

from qbrixproto import cortex_pb2
from qbrixproto import cortex_pb2_grpc
from qbrixstore.redis import RedisSettings

STATS = cortex_pb2.GetStatsRequest()
FLUSH = cortex_pb2.FlushBatchRequest()


async def stub(channel: grpc.aio.Channel) -> Any:
    """A caller, once cortex is ready."""
    await ready(channel)
    return cortex_pb2_grpc.CortexServiceStub(channel)


async def shard_stats(caller: Any) -> cortex_pb2.ShardStats:
    (found,) = (await caller.GetStats(STATS)).shards
    return found


async def test_what_waits_and_for_how_long(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment(), experiment("e2"))
    async with running(settings(redis_server)) as channel:
        cortex = await stub(channel)
        before = await shard_stats(cortex)
        assert (before.shard, before.is_owner) == (0, True)
        assert (before.total_events, before.pending_events, before.lag_ms) == (0, 0, 0)
        assert before.last_commit_timestamp_ms == 0

        await shard.append(*random_events(30))
        await asyncio.sleep(0.05)
        await shard.append(*random_events(12, ("e2",), start=100))
        waiting = await shard_stats(cortex)
        assert (waiting.total_events, waiting.pending_events) == (42, 42)
        assert waiting.lag_ms >= 50, "the oldest counts, not the latest"
        by_name = {
            one.experiment_id: one for one in (await cortex.GetStats(STATS)).stats
        }
        assert by_name["e1"].pending_events == 30
        assert by_name["e2"].pending_events == 12

        start_ms = int(1_000 * time.time())
        flushed = await cortex.FlushBatch(FLUSH, timeout=30)
        assert flushed.events_processed == 42
        after = await shard_stats(cortex)
        assert (after.total_events, after.pending_events, after.lag_ms) == (42, 0, 0)
        assert after.learned_events == 42
        assert after.last_commit_timestamp_ms >= start_ms


async def test_what_could_not_be_learned_is_told_apart(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment())
    async with running(settings(redis_server)) as channel:
        cortex = await stub(channel)
        await shard.append(
            event(1), event(2, generation=7), event(3, arm=99), event(4, reward=2.0)
        )
        await cortex.FlushBatch(FLUSH, timeout=30)
        found = await shard_stats(cortex)
        assert (found.learned_events, found.stale_events) == (1, 1)
        assert (found.dead_events, found.dropped_events) == (2, 0)
        assert found.pending_events == 0


async def test_who_stands_by_tells_the_same_and_flushes_nothing(
    shard: Shard, redis_server: RedisSettings
) -> None:
    await shard.define(experiment())
    first = settings(redis_server, consumer_name="b-1")
    second = settings(redis_server, consumer_name="c-2")
    async with running(first) as one:
        owner = await stub(one)
        async with running(second) as other:
            standing_by = await stub(other)
            await shard.append(event(1))
            theirs = await shard_stats(standing_by)
            assert (theirs.is_owner, theirs.pending_events) == (False, 1)
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await standing_by.FlushBatch(FLUSH, timeout=30)
            assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
            await owner.FlushBatch(FLUSH, timeout=30)
            ours, theirs = await shard_stats(owner), await shard_stats(standing_by)
            assert (ours.is_owner, theirs.is_owner) == (True, False)
            assert theirs.learned_events == ours.learned_events == 1
            assert theirs.last_commit_timestamp_ms == ours.last_commit_timestamp_ms > 0
