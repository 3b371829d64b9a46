"""Default rewards: appended to the log for selections whose window is over.

They are learned as any reward is, by whoever trains on the shard.
"""

from __future__ import annotations

from typing import Final

from cortexsvc import beside
from cortexsvc.metrics import CortexMetrics
from qbrixlog import get_logger
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.layout import Layout

logger = get_logger(__name__)

IDLE_SEC: Final = 0.25
ROOM: Final = 100_000  # events that the log may hold while defaults are appended


class Lapsing:
    """Ends the windows of one shard, for whoever owns the shard."""

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        shard: int,
        metrics: CortexMetrics | None = None,
    ) -> None:
        self._metrics = metrics or CortexMetrics()
        self._awaited = AwaitedRewards(client, layout)
        self._shard = shard

    async def run(self, consumer: RedisStreamConsumer) -> None:
        """Look for what lapsed four times a second, until cancelled."""
        await beside.repeat(
            self.step, consumer, IDLE_SEC, "default rewards have to wait"
        )

    async def step(self, consumer: RedisStreamConsumer) -> bool:
        """Whether anything had lapsed and there was room for it in the log.

        Raises Fenced, LayoutMismatch, Unavailable.
        """
        lapsed = await self._awaited.due(self._shard)
        if not lapsed.batches:
            return False
        done = await self._awaited.lapse(self._shard, consumer.fence, lapsed, ROOM)
        if done is None:
            return False
        overdue = 0
        for data, batch in lapsed.batches:
            if batch is None:
                logger.error("a batch of awaited rewards is unreadable: %r", data[:64])
            elif batch.known_until_ms < lapsed.now_ms:
                overdue += len(batch.selections)
                logger.error(
                    "experiment %s: %d selections waited too long for their default",
                    batch.experiment,
                    len(batch.selections),
                )
        self._metrics.lapsed(done, overdue)
        return True
