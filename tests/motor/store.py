"""Experiments as the proxy publishes them and cortex teaches them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from qbrixcore.context import Feedback
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.pool import Pool
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend

TENANT = "t1"


def definition(
    policy: str = "BetaTSPolicy",
    params: Mapping[str, object] | None = None,
    *,
    name: str = "e1",
    arms: int = 3,
    version: int = 1,
) -> Definition:
    """An experiment over arms a0, a1, …"""
    pool = Pool.of(*(f"a{index}" for index in range(arms)))
    experiment = Experiment(name, name, pool, policy, dict(params or {}))
    return make_definition(TENANT, experiment, version)


def deactivated(definition: Definition, *indices: int) -> Definition:
    """The next version, in which these arms may not be chosen."""
    arms = list(definition.arms)
    for index in indices:
        arms[index] = msgspec.structs.replace(arms[index], active=False)
    version = definition.version + 1
    return msgspec.structs.replace(definition, arms=tuple(arms), version=version)


def prior(definition: Definition) -> Stored:
    """Version 0 of its params."""
    spec = find_spec(definition.policy)
    hyper = msgspec.convert(definition.hyper, spec.hyper)
    return codec.fresh(spec, hyper, len(definition.arms))


def taught(definition: Definition, stored: Stored, arm: int, times: int) -> Stored:
    """The next version of the params, after so many successes of one arm."""
    policy = implementation(definition.policy)
    hyper = msgspec.convert(definition.hyper, policy.spec.hyper)
    vectors = np.ones((times, stored.header.dim), dtype=np.float32)
    feedback = Feedback.of([arm] * times, [1.0] * times, [1.0] * times, vectors)
    header = msgspec.structs.replace(stored.header, version=stored.header.version + 1)
    return Stored(header, policy.fold(hyper, stored.state, feedback))


class Store:
    """Writes what a motor reads."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self.client = client
        self.layout = layout
        self.definitions = Definitions(client, layout)
        self.params = RedisParamBackend(client, layout)

    async def publish(self, definition: Definition) -> Definition:
        """Bring a definition, and its prior where there are no params."""
        await self.definitions.publish(definition, prior(definition))
        return definition

    async def teach(self, definition: Definition, arm: int, times: int = 2_000) -> int:
        """Make one arm the clear winner; the version of the params afterwards."""
        stored = await self.params.get(TENANT, definition.experiment)
        assert stored is not None
        better = taught(definition, stored, arm, times)
        await self.params.put(TENANT, definition.experiment, better)
        return better.header.version

    async def forget_params(self, definition: Definition) -> None:
        """Lose the params and keep the definition, as no service of ours does."""
        key = self.layout.params(TENANT, definition.experiment)
        await self.client.execute("DEL", key)

    async def forget_definition(self, definition: Definition) -> None:
        """Lose the definition without a word, as if news of it were still coming."""
        key = self.layout.definition(TENANT, definition.experiment)
        await self.client.execute("HDEL", key, "d")
