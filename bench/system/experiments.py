"""Experiments to select from, and the requests that do."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any
from typing import Final
from typing import NamedTuple

import httpx
import msgspec
from bench.load import Target
from bench.system.place import Place

from qbrixcore.param import codec
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis.config import Limits

SELECT: Final = "/api/v1/agent/select"
BATCH: Final = "/api/v1/agent/select:batch"
FEEDBACK: Final = "/api/v1/agent/feedback"
AT_ONCE: Final = 64


class Kind(NamedTuple):
    """What an experiment is; every one has a gate that lets all pass."""

    policy: str = "BetaTSPolicy"
    arms: int = 10
    dim: int = 0

    @property
    def name(self) -> str:
        """For a table."""
        features = f" × {self.dim}" if self.dim else ""
        return f"{self.policy.removesuffix('Policy')} {self.arms}{features}"


PLAIN: Final = Kind()


async def make(place: Place, kind: Kind = PLAIN, count: int = 1) -> list[str]:
    """Ids of new experiments of one pool, over REST. Raises httpx.HTTPStatusError."""
    async with httpx.AsyncClient(
        base_url=f"{place.url}/api/v1", headers=place.headers, trust_env=False
    ) as client:
        arms = [{"name": f"arm-{n}"} for n in range(kind.arms)]
        name = f"{kind.name} {uuid.uuid4().hex[:8]}"
        pool = await _post(client, "/pools", {"name": name, "arms": arms})
        wanted = {
            "pool_id": pool["id"],
            "policy": kind.policy,
            "policy_params": {"dim": kind.dim} if kind.dim else {},
            "feature_gate": {"rollout_percentage": 100},
        }
        made = [
            await _post(client, "/experiments", {**wanted, "name": f"{name} {n}"})
            for n in range(count)
        ]
        return [str(one["id"]) for one in made]


async def copies(place: Place, experiment: str, count: int) -> list[str]:
    """Ids of so many experiments like this one, published as the outbox does."""
    async with RedisClient(place.redis, Limits(reply=10)) as client:
        layout = await Layout.ensure(client)
        definitions = Definitions(client, layout)
        tenant = await tenant_of(client, layout, experiment)
        model = await definitions.get(tenant, experiment)
        assert model is not None
        ids = [uuid.uuid4().hex for _ in range(count)]
        for start in range(0, count, AT_ONCE):
            made = [
                msgspec.structs.replace(model, experiment=one)
                for one in ids[start : start + AT_ONCE]
            ]
            await asyncio.gather(
                *(definitions.publish(one, codec.first(one)) for one in made)
            )
    return ids


async def tenant_of(client: RedisClient, layout: Layout, experiment: str) -> str:
    """Whose experiment it is, by the name of its key. Raises RuntimeError."""
    mark = "TENANT"
    pattern = layout.definition(mark, experiment)
    head, tail = pattern.split(mark)
    [found] = await client.execute("KEYS", pattern.replace(mark, "*"))
    return str(found.decode().removeprefix(head).removesuffix(tail))


def select_body(experiment: str, dim: int = 0) -> str:
    """A select of one and the same person."""
    return json.dumps(
        {"experiment_id": experiment, "context": context(dim)}, separators=(",", ":")
    )


def context(dim: int = 0, person: int = 17) -> Mapping[str, object]:
    """Somebody, with as many features."""
    vector = {"vector": [1.0 / (1 + n) for n in range(dim)]} if dim else {}
    return {"id": f"user-{person}", **vector}


def select_target(place: Place, experiment: str, dim: int = 0) -> Target:
    """The request that selects from an experiment."""
    return Target(place.url + SELECT, select_body(experiment, dim), place.headers)


async def new_target(place: Place, kind: Kind = PLAIN) -> Target:
    """The request that selects from a new experiment."""
    [experiment] = await make(place, kind)
    return select_target(place, experiment, kind.dim)


async def _post(client: httpx.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()
