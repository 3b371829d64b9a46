"""CortexService: looking at the training and hurrying it, from outside."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from typing import Final

import grpc

from cortexsvc.learning import Learning
from qbrixcore.errors import Unavailable
from qbrixproto import common_pb2
from qbrixproto import cortex_pb2
from qbrixproto import cortex_pb2_grpc
from qbrixstore.redis.batch import order

SERVICE = "qbrix.cortex.CortexService"
LOOK_SEC: Final = 0.05

Context = grpc.aio.ServicerContext[Any, Any]
HealthAnswer = Callable[[], common_pb2.HealthCheckResponse]


class CortexServicer(cortex_pb2_grpc.CortexServiceServicer):
    """Answers from the store, so that a cortex standing by answers the same.

    ``health`` says how the server's readiness is answered.
    """

    def __init__(self, learning: Learning, health: HealthAnswer) -> None:
        self._learning = learning
        self._health = health

    async def FlushBatch(
        self, request: cortex_pb2.FlushBatchRequest, context: Context
    ) -> cortex_pb2.FlushBatchResponse:
        """Return when all events appended before the call are committed.

        Those of shards that another cortex trains on are waited for, and not hurried.
        Counts the events handled here meanwhile, of one experiment or of all.
        """
        before = self._handled(request.experiment_id)
        self._check_started()
        own = {trainer.shard: trainer for trainer in self._learning.trainers}
        ends = [await gauges.end() for gauges in self._learning.gauges]
        await asyncio.gather(
            *(
                own[shard].flush(end) if shard in own else self._handled_to(shard, end)
                for shard, end in enumerate(ends)
            )
        )
        handled = self._handled(request.experiment_id) - before
        return cortex_pb2.FlushBatchResponse(events_processed=handled)

    async def GetStats(
        self, request: cortex_pb2.GetStatsRequest, context: Context
    ) -> cortex_pb2.GetStatsResponse:
        """What one experiment, or each, has learned, and how far every shard is.

        What waits for an experiment is counted in the first 1,000 entries of a shard
        that wait, what waits in a shard exactly.
        """
        self._check_started()
        wanted = request.experiment_id or None
        waiting: Counter[str] = Counter()
        stats = {}
        gauges = self._learning.gauges
        for one in gauges:
            waiting.update(await one.waiting())
            stats.update(await one.totals(wanted))
        names = [wanted] if wanted else sorted(stats.keys() | waiting.keys())
        return cortex_pb2.GetStatsResponse(
            stats=[
                cortex_pb2.ExperimentStats(
                    experiment_id=name,
                    total_events=stats[name].learned if name in stats else 0,
                    pending_events=waiting[name],
                    last_train_timestamp_ms=stats[name].at_ms if name in stats else 0,
                )
                for name in names
                if name in stats or waiting[name]
            ],
            shards=[await self._shard(shard) for shard in range(len(gauges))],
        )

    async def Health(
        self, request: common_pb2.HealthCheckRequest, context: Context
    ) -> common_pb2.HealthCheckResponse:
        """Serving once every part of the log is owned or stood by for."""
        return self._health()

    async def _shard(self, shard: int) -> cortex_pb2.ShardStats:
        found = await self._learning.gauges[shard].progress()
        return cortex_pb2.ShardStats(
            shard=shard,
            is_owner=any(
                trainer.shard == shard and trainer.owner
                for trainer in self._learning.trainers
            ),
            total_events=found.counters["events"],
            pending_events=found.waiting,
            learned_events=found.counters["learned"],
            stale_events=found.counters["stale"],
            dropped_events=found.counters["dropped"],
            dead_events=found.counters["dead"],
            lag_ms=found.lag_ms,
            last_commit_timestamp_ms=found.committed_ms,
        )

    async def _handled_to(self, shard: int, end: str) -> None:
        gauges = self._learning.gauges[shard]
        while True:
            if order(await gauges.position()) >= order(end):
                return
            await asyncio.sleep(LOOK_SEC)

    def _handled(self, experiment: str) -> int:
        trainers = self._learning.trainers
        if experiment:
            return sum(trainer.handled.get(experiment, 0) for trainer in trainers)
        return sum(sum(trainer.handled.values()) for trainer in trainers)

    def _check_started(self) -> None:
        if not self._learning.started.is_set():
            raise Unavailable("cortex has not reached its store yet")
