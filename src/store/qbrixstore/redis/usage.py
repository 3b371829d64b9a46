"""How often keys and users called in a minute, summed over all workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from qbrixstore.redis import keys
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout

KEPT_SEC: Final = 180


class Usage:
    """Counts of the minutes that are not long past; ids are those of keys and users."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def add(self, minute: int, calls: Mapping[str, int]) -> None:
        """Add to the counts of a minute since the epoch. Raises Unavailable."""
        if not calls:
            return
        key = keys.usage(self._layout.number, minute)
        commands: list[Command] = [
            ("HINCRBY", key, id_, count) for id_, count in calls.items()
        ]
        await self._client.pipeline([*commands, ("EXPIRE", key, KEPT_SEC)])

    async def get(self, minute: int, id_: str) -> int:
        """The count of a key or user. Raises Unavailable."""
        key = keys.usage(self._layout.number, minute)
        return int(await self._client.execute("HGET", key, id_) or 0)
