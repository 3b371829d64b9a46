"""The Redis store: params, definitions, the feedback log and news of changes."""

from __future__ import annotations

from qbrixstore.redis.changes import Changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend
from qbrixstore.redis.publisher import RedisStreamPublisher

__all__ = [
    "Changes",
    "Definitions",
    "FeedbackEvent",
    "Layout",
    "RedisClient",
    "RedisParamBackend",
    "RedisSettings",
    "RedisStreamConsumer",
    "RedisStreamPublisher",
]
