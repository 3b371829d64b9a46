"""Looking at the log now and then, for the metrics: also when nothing is learned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from cortexsvc.keeping import Keeper
from cortexsvc.metrics import CortexMetrics
from cortexsvc.trainer import Trainer
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.redis.gauges import ShardGauges

logger = get_logger(__name__)

LOOK_SEC: Final = 2.0


async def look(
    trainers: Sequence[Trainer],
    gauges: Sequence[ShardGauges],
    keeper: Keeper,
    metrics: CortexMetrics,
) -> None:
    """Tell the metrics how far each shard is, until cancelled."""
    while True:
        metrics.due(keeper.due)
        try:
            for trainer in trainers:
                progress = await gauges[trainer.shard].progress()
                metrics.looked(trainer.shard, trainer.owner, progress)
        except Unavailable as error:
            # how long ago it last worked is a metric, too
            logger.debug("cannot look at the log: %s", error)
        await asyncio.sleep(LOOK_SEC)
