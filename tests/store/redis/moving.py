"""A store with something of everything, and what it means whatever its shards are."""

from __future__ import annotations

from typing import Any
from typing import Self

from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import event
from tests.store.redis.samples import stored
from tests.store.redis.samples import update

from qbrixcore.errors import Unavailable
from qbrixstore.cells import Cell
from qbrixstore.cells import Group
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedReward
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import encode_batch
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.calls import Ask
from qbrixstore.redis.calls import CallBudgets
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.client import Script
from qbrixstore.redis.counts import HOURS_A_DAY
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.letters import DeadLetters
from qbrixstore.redis.moving import migrate
from qbrixstore.redis.usage import Usage

HOUR = 495_000
NAMES = tuple(f"e{number}" for number in range(12))
PAIRS = [(TENANT, name) for name in NAMES]
REMOVED = "gone"
EVENTS = [event(n, experiment=name) for n, name in enumerate(NAMES)]
FAR_MS = 2**42


class Store:
    """Everything that is reached through one layout."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self.client = client
        self.layout = layout
        self.definitions = Definitions(client, layout)
        self.params = RedisParamBackend(client, layout)
        self.publisher = RedisStreamPublisher(client, layout)
        self.counts = Counts(client, layout)
        self.awaited = AwaitedRewards(client, layout)

    @classmethod
    async def filled(cls, client: RedisClient, shards: int) -> Self:
        """With something of everything, in a store that was empty."""
        store = cls(client, await Layout.ensure(client, shards))
        for name in (*NAMES, REMOVED):
            made = definition(experiment=name)
            assert await store.definitions.publish(made, stored())
        assert await store.definitions.remove(TENANT, REMOVED, 2)
        assert await store.publisher.append(EVENTS) == [True] * len(EVENTS)
        for shard in range(shards):
            await store.learn(shard)
        batches = [encode_batch(_awaited(name)) for name in NAMES]
        assert await store.awaited.put(batches) == len(NAMES)
        groups = [Group(TENANT, name, HOUR, {0: Cell(3)}, [name]) for name in NAMES]
        assert await store.counts.add(Batch("w", 7, groups))
        await Usage(client, store.layout).add(2**30, {"k": 2})
        await CallBudgets(client, store.layout).allot([Ask("k", 9, 0, 0, 1, 1)])
        return store

    async def learn(self, shard: int) -> None:
        """Commit what waits, with a dead letter for each experiment."""
        consumer = RedisStreamConsumer(self.client, self.layout, "c", shard)
        assert await consumer.acquire()
        batch = await consumer.read(1_000)
        if not batch.entries:
            return
        entry = batch.entries[0]
        letters = [DeadLetter(entry.id, n, "bad", one) for n, one in _numbered(entry)]
        letters.append(DeadLetter(entry.id, 99, f"unreadable {shard}", b"?"))
        here = [name for name in NAMES if self.layout.shard_of(name) == shard]
        updates = [update(0, name) for name in here]
        await consumer.commit(batch, updates, Tally(dead=tuple(letters)))

    async def means(self) -> dict[str, Any]:
        """What it holds, without where."""
        client, layout = self.client, self.layout
        gauges = [ShardGauges(client, layout, n) for n in range(layout.shards)]
        counters = [await gauge.counters() for gauge in gauges]
        held: dict[str, Any] = {
            "definitions": await self.definitions.get_many(PAIRS),
            "removed": await self.definitions.is_removed(TENANT, REMOVED),
            "policies": await self.definitions.policies(),
            "params": await self.params.get_many(PAIRS),
            "versions": await self.params.versions(PAIRS),
            "counters": {k: sum(one[k] for one in counters) for k in counters[0]},
            "totals": {k: v for one in gauges for k, v in (await one.totals()).items()},
            "letters": sorted(
                [(one.reason, one.event) for one in await self.letters()], key=repr
            ),
            "counts": await self.counts.read(PAIRS),
            "contexts": [await self.contexts(pair) for pair in PAIRS],
            "usage": await Usage(client, layout).get(2**30, "k"),
        }
        ahead, waiting = set(), set()
        for shard in range(layout.shards):
            ahead |= set(await self.counts.ahead(shard, 100))
            rows = await client.execute("ZRANGE", layout.awaited(shard), 0, -1)
            meta = layout.meta(shard)
            told = await client.execute("HMGET", meta, "awaited", "settled")
            assert int(told[0] or 0) - int(told[1] or 0) == len(rows)
            waiting |= set(rows)
        return {**held, "ahead": ahead, "awaited": waiting}

    async def contexts(self, pair: tuple[str, str]) -> tuple[int, int]:
        day = HOUR // HOURS_A_DAY
        of_day = await self.counts.unique_contexts(pair, range(day, day + 1))
        return await self.counts.unique_contexts(pair), of_day

    async def letters(self) -> list[Any]:
        found = [one async for one in DeadLetters(self.client, self.layout).all()]
        for shard in range(self.layout.shards):
            places = [one.id for one in found if one.shard == shard]
            assert len(set(places)) == len(places)
        return found

    async def fences(self) -> list[int]:
        metas = [self.layout.meta(shard) for shard in range(self.layout.shards)]
        return [int(await self.client.execute("HGET", one, "fence")) for one in metas]


class Dying(RedisClient):
    """A client whose process is killed after so many commands that write."""

    def __init__(self, settings: RedisSettings, writes: int) -> None:
        super().__init__(settings)
        self._left = writes

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("killed")

    async def execute(self, *command: Any) -> Any:
        self._spend()
        return await super().execute(*command)

    async def call(self, script: Script, keys: Any, args: Any) -> Any:
        self._spend()
        return await super().call(script, keys, args)


async def moved(client: RedisClient, shards: int) -> Store:
    """The store divided into so many shards."""
    layout, _ = await migrate(client, shards)
    assert await Layout.read(client) == layout
    return Store(client, layout)


def chosen(experiment: str) -> ChoiceEvent:
    """A selection to be recorded."""
    return ChoiceEvent(
        issuer=1,
        sequence=1,
        tenant=TENANT,
        experiment=experiment,
        generation=0,
        arm=0,
        version=0,
        propensity=None,
        vector=None,
        issued_ms=0,
        context_id="",
    )


async def names(client: RedisClient) -> set[str]:
    """The hash tags of all keys but the pointer."""
    found = [name.decode() for name in await client.execute("KEYS", "*")]
    return {name.partition("}")[0] for name in found if name != keys.LAYOUT}


def _numbered(entry: Any) -> list[tuple[int, bytes]]:
    return list(enumerate(entry.events))


def _awaited(name: str) -> AwaitedBatch:
    selection = AwaitedReward(1, 1, 1, 0, 0, None, None)
    return AwaitedBatch(
        tenant=TENANT,
        experiment=name,
        reward=0.0,
        due_ms=FAR_MS,
        known_until_ms=FAR_MS,
        selections=(selection,),
    )
