"""Definitions in Redis: what an experiment is, for those who select and learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qbrixcore import definition as wire
from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixstore.redis import keys
from qbrixstore.redis.changes import encode_changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import encode
from qbrixstore.redis.layout import Layout

_PUBLISH = Script("publish")
_REMOVE = Script("remove")
# longer than a token lives, so that late feedback meets the tombstone
TOMBSTONE_SEC: Final = 8 * 86_400


class Definitions:
    """Definitions by tenant and experiment; a newer version replaces an older one."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def publish(self, definition: Definition, fresh: Stored) -> bool:
        """Bring Redis to this version; ``fresh`` becomes the params where none are.

        But no prior takes the place of params that were lost: those are missing until
        they are published as they were, at a version above 0. Where there are params,
        the log is told in the same step what holds from here on.
        False when Redis has this version, a newer one or a tombstone of one.
        Raises Unavailable.
        """
        layout, header = self._layout, fresh.header
        tenant, experiment = definition.tenant, definition.experiment
        shard = layout.shard_of(experiment)
        reply = await self._client.call(
            _PUBLISH,
            [
                layout.definition(tenant, experiment),
                layout.params(tenant, experiment),
                layout.policies(shard),
                layout.meta(shard),
                layout.log(shard),
            ],
            [
                layout.mark,
                definition.version,
                wire.encode(definition),
                definition.policy,
                header.fence,
                header.generation,
                header.version,
                codec.encode(fresh),
                layout.channel(shard, keys.DEFINITIONS),
                layout.channel(shard, keys.PARAMS),
                encode_changes([(tenant, experiment)]),
                encode(ControlEvent.of(definition)),
                int(header.definition < definition.version),
            ],
        )
        return bool(reply)

    async def remove(self, tenant: str, experiment: str, version: int) -> bool:
        """Replace definition and params by a tombstone of this version.

        False when Redis has a newer version, or this very tombstone.
        Raises Unavailable.
        """
        layout = self._layout
        shard = layout.shard_of(experiment)
        reply = await self._client.call(
            _REMOVE,
            [
                layout.definition(tenant, experiment),
                layout.params(tenant, experiment),
                layout.meta(shard),
                layout.learned(shard),
                layout.learned_at(shard),
            ],
            [
                layout.mark,
                version,
                TOMBSTONE_SEC * 1_000,
                layout.channel(shard, keys.DEFINITIONS),
                layout.channel(shard, keys.PARAMS),
                encode_changes([(tenant, experiment)]),
                experiment,
            ],
        )
        await Counts(self._client, layout).forget((tenant, experiment))
        return bool(reply)

    async def get(self, tenant: str, experiment: str) -> Definition | None:
        """Current definition, None if there is none or it was removed.

        Raises Unavailable, also while the store is emptied: that says nothing.
        """
        layout = self._layout
        key = layout.definition(tenant, experiment)
        data = await self._client.execute("HGET", key, "d")
        if data is None:
            await layout.check(self._client, layout.shard_of(experiment))
            return None
        return wire.decode(data)

    async def get_many(
        self, pairs: Sequence[tuple[str, str]]
    ) -> list[Definition | CorruptState | None]:
        """The same for (tenant, experiment) pairs, in one round trip.

        An unreadable definition comes back as its error. Raises Unavailable.
        """
        replies = await self._client.pipeline(
            [("HGET", self._layout.definition(*pair), "d") for pair in pairs]
        )
        return [None if data is None else _decoded(data) for data in replies]

    async def is_removed(self, tenant: str, experiment: str) -> bool:
        """Whether a tombstone stands in its place. Raises Unavailable."""
        key = self._layout.definition(tenant, experiment)
        version, data = await self._client.execute("HMGET", key, "v", "d")
        return version is not None and data is None

    async def generation(self, tenant: str, experiment: str) -> int:
        """Generation of the params, -1 without any. Raises Unavailable."""
        held = await self._client.execute(
            "HGET", self._layout.params(tenant, experiment), "g"
        )
        return -1 if held is None else int(held)

    async def policies(self) -> set[str]:
        """Names of the policies in use, or used once. Raises Unavailable."""
        layout = self._layout
        replies = await self._client.pipeline(
            [("SMEMBERS", layout.policies(shard)) for shard in range(layout.shards)]
        )
        return {name.decode() for names in replies for name in names}


def _decoded(data: bytes) -> Definition | CorruptState:
    try:
        return wire.decode(data)
    except CorruptState as error:
        return error
