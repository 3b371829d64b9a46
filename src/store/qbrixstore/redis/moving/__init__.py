"""Dividing the store into another number of shards."""

from __future__ import annotations

from qbrixstore.redis.moving.migration import Unfinished
from qbrixstore.redis.moving.migration import clean
from qbrixstore.redis.moving.migration import migrate
from qbrixstore.redis.moving.migration import roll_back
from qbrixstore.redis.moving.migration import unfinished

__all__ = ["Unfinished", "clean", "migrate", "roll_back", "unfinished"]
