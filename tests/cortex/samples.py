"""Experiments and their feedback, as the proxy would write them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cortexsvc.beside import Companion
from cortexsvc.catalog import Catalog
from cortexsvc.catalog import Registry
from cortexsvc.gathering import Pace
from cortexsvc.keeping import Archive
from cortexsvc.keeping import Keeper
from cortexsvc.trainer import Trainer
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.errors import Unavailable
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import find_spec
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres.snapshots import Snapshot
from qbrixstore.redis import Definitions
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.batch import order
from qbrixstore.redis.consumer import Bounds
from qbrixstore.redis.gauges import ShardGauges

TENANT = "t1"
ARMS = 3
QUICK = Pace(fill_sec=0.0, idle_sec=0.01)


def experiment(
    name: str = "e1",
    policy: str = "BetaTSPolicy",
    params: Mapping[str, object] | None = None,
) -> Experiment:
    arms = tuple(Arm(f"a{i}", f"arm {i}", i) for i in range(ARMS))
    return Experiment(
        id=name,
        name=name,
        pool=Pool("p1", "pool", arms),
        policy=policy,
        policy_params=dict(params or {}),
    )


def defined(one: Experiment, version: int = 1) -> tuple[Definition, Stored]:
    """Its definition and its prior."""
    spec = find_spec(one.policy)
    prior = codec.fresh(spec, spec.validate(one.policy_params), len(one.pool.arms))
    return make_definition(TENANT, one, version), prior


def event(sequence: int = 0, **fields: Any) -> FeedbackEvent:
    given = {
        "issuer": 9,
        "sequence": sequence,
        "tenant": TENANT,
        "experiment": "e1",
        "generation": 0,
        "arm": 0,
        "reward": 1.0,
    }
    return FeedbackEvent(**{**given, **fields})


def random_events(
    count: int, experiments: Sequence[str] = ("e1",), seed: int = 0, start: int = 0
) -> list[FeedbackEvent]:
    """Rewards of 0 or 1 on random arms of random experiments, one a token."""
    rng = np.random.default_rng(seed)
    arms = rng.integers(0, ARMS, count).tolist()
    rewards = rng.integers(0, 2, count).tolist()
    names = rng.integers(0, len(experiments), count).tolist()
    return [
        event(start + row, arm=arm, reward=float(reward), experiment=experiments[name])
        for row, (arm, reward, name) in enumerate(
            zip(arms, rewards, names, strict=True)
        )
    ]


def pulls(events: Sequence[FeedbackEvent], experiment: str = "e1") -> list[int]:
    """Distinct tokens per arm."""
    tokens = {
        (one.issuer, one.sequence): one.arm
        for one in events
        if one.experiment == experiment
    }
    return np.bincount(list(tokens.values()), minlength=ARMS).tolist()


class NoRegistry:
    """Postgres as it looks when nothing was ever created."""

    async def find(self, tenant: str, experiment: str) -> Definition | None:
        return None


class Shelf:
    """Snapshots in memory, as Postgres would keep them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, int], bytes] = {}

    async def keep(self, snapshots: Sequence[Snapshot]) -> None:
        for one in snapshots:
            place = (one.tenant, one.experiment, one.version)
            self.kept.setdefault(place, one.state)

    async def find(self, tenant: str, experiment: str, version: int) -> bytes | None:
        return self.kept.get((tenant, experiment, version))


class Shard:
    """One shard with definitions and params, and trainers that come and go on it."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self.client = client
        self.layout = layout
        self.definitions = Definitions(client, layout)
        self.params = RedisParamBackend(client, layout)
        self.gauges = ShardGauges(client, layout)

    async def empty(self) -> None:
        """Forget everything, and begin again with the same layout."""
        await self.client.execute("FLUSHALL")
        self.layout.incarnation = (await Layout.ensure(self.client)).incarnation

    async def define(self, *experiments: Experiment) -> None:
        for one in experiments:
            await self.definitions.publish(*defined(one))

    async def append(self, *events: FeedbackEvent) -> int:
        """How many of them were new."""
        publisher = RedisStreamPublisher(self.client, self.layout)
        return sum(await publisher.append(events))

    async def dead(self) -> list[dict[str, bytes]]:
        """The dead letters, oldest first."""
        rows = await self.client.execute("XRANGE", self.layout.dead(0), "-", "+")
        return [
            dict(zip(map(bytes.decode, row[::2]), row[1::2], strict=True))
            for _, row in rows
        ]

    async def drained(self) -> bool:
        """Whether all of the log is handled."""
        position, end = await self.gauges.position(), await self.gauges.end()
        return order(position) >= order(end)

    async def handled(self, events: int) -> bool:
        """Whether at least so many events are handled."""
        return (await self.gauges.counters())["handled"] >= events

    async def until(self, come_true: Callable[[], Awaitable[bool]]) -> None:
        """Return when it has come true. Raises TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while True:
                with suppress(Unavailable):
                    if await come_true():
                        return
                await asyncio.sleep(0.002)

    async def drain(self, trainer: Trainer, stop: asyncio.Event) -> None:
        """Run a trainer until the log is handled; raises what ends it before."""
        running = asyncio.create_task(trainer.run())

        async def over() -> bool:
            return running.done() or await self.drained()

        await self.until(over)
        stop.set()
        await running

    async def state(self, experiment: str = "e1") -> Stored:
        stored = await self.params.get(TENANT, experiment)
        assert stored is not None
        return stored

    async def pulls(self, experiment: str = "e1") -> list[int]:
        return (await self.state(experiment)).state.pulls.tolist()

    def trainer(
        self,
        name: str = "c-0",
        pace: Pace = QUICK,
        bounds: Bounds | None = None,
        registry: Registry | None = None,
        client: RedisClient | None = None,
        shelf: Archive | None = None,
        companions: Sequence[Companion] = (),
        trims: bool = True,
    ) -> tuple[Trainer, asyncio.Event]:
        """A trainer of its own, and the event that stops it."""
        client = client or self.client
        consumer = RedisStreamConsumer(
            client, self.layout, name, bounds=bounds or Bounds(), trims=trims
        )
        params = RedisParamBackend(client, self.layout)
        definitions = Definitions(client, self.layout)
        catalog = Catalog(definitions, registry or NoRegistry())
        stop = asyncio.Event()
        keeper = Keeper(shelf or Shelf(), 60.0)
        trainer = Trainer(consumer, params, catalog, pace, stop, keeper, companions)
        return trainer, stop
