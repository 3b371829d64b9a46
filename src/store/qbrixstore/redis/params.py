"""Param states in Redis: what cortex writes and motors read."""

from __future__ import annotations

from collections.abc import Sequence

from qbrixcore.param import codec
from qbrixcore.param.backend import BaseParamBackend
from qbrixcore.param.codec import Stored
from qbrixstore.redis import keys
from qbrixstore.redis.changes import encode_changes
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout

_PUT = Script("put")


class RedisParamBackend(BaseParamBackend):
    """Params by tenant and experiment. Bytes that are no state raise CorruptState."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def get(self, tenant: str, experiment: str) -> Stored | None:
        """Stored state, None if there is none. Raises Unavailable, CorruptState."""
        data = await self.get_bytes(tenant, experiment)
        return None if data is None else codec.decode(data)

    async def get_bytes(self, tenant: str, experiment: str) -> bytes | None:
        """Encoded state, None if there is none.

        Raises Unavailable, also while the store is emptied: that says nothing.
        """
        layout = self._layout
        key = layout.params(tenant, experiment)
        data: bytes | None = await self._client.execute("HGET", key, "s")
        if data is None:
            await layout.check(self._client, layout.shard_of(experiment))
        return data

    async def get_many(self, pairs: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Encoded states of (tenant, experiment) pairs, in one round trip.

        Raises Unavailable.
        """
        commands: list[Command] = [
            ("HGET", self._layout.params(tenant, experiment), "s")
            for tenant, experiment in pairs
        ]
        return await self._client.pipeline(commands)

    async def version(self, tenant: str, experiment: str) -> tuple[int, int] | None:
        """Generation and version, None if there is no state. Raises Unavailable."""
        return (await self.versions([(tenant, experiment)]))[0]

    async def versions(
        self, pairs: Sequence[tuple[str, str]]
    ) -> list[tuple[int, int] | None]:
        """Generations and versions of (tenant, experiment) pairs, in one round trip.

        Raises Unavailable.
        """
        commands: list[Command] = [
            ("HMGET", self._layout.params(tenant, experiment), "g", "v")
            for tenant, experiment in pairs
        ]
        replies = await self._client.pipeline(commands)
        return [None if v is None else (int(g), int(v)) for g, v in replies]

    async def put(self, tenant: str, experiment: str, stored: Stored) -> None:
        """Replace the state. Cortex commits instead: this is for a library's own use.

        Raises Unavailable; OlderVersion when a newer version is stored.
        """
        layout, header = self._layout, stored.header
        shard = layout.shard_of(experiment)
        await self._client.call(
            _PUT,
            [layout.params(tenant, experiment), layout.meta(shard)],
            [
                layout.mark,
                header.fence,
                header.generation,
                header.version,
                codec.encode(stored),
                layout.channel(shard, keys.PARAMS),
                encode_changes([(tenant, experiment)]),
            ],
        )
