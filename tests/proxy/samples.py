"""Definitions, and the store they are in."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.publishing import Publishing
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.policy.registry import find_spec
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.layout import Layout


def definition(version: int = 1, enabled: bool = True) -> Definition:
    hyper = find_spec("BetaTSPolicy").validate({})
    return Definition(
        tenant=uuid4().hex,
        experiment=uuid4().hex,
        version=version,
        policy="BetaTSPolicy",
        hyper=msgspec.to_builtins(hyper),
        arms=(DefinitionArm("a", "red"), DefinitionArm("b", "green")),
        enabled=enabled,
    )


def newer(old: Definition, **changes: object) -> Definition:
    return msgspec.structs.replace(old, version=old.version + 1, **changes)


class Store:
    """What a worker knows of Redis, opened for one test."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self.client = client
        self.layout = layout
        self.definitions = Definitions(client, layout)
        self.cache = DefinitionCache(self.definitions)
        self.publishing = Publishing(client, self.definitions, self.cache)

    async def publish(self, made: Definition) -> Entry:
        await self.publishing.publish(made)
        return await self.cache.load(made.tenant, made.experiment)
