"""Several real cortexes divide the shards, take over from each other, and follow."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.test_kill import environment

from cortexsvc.settings import CortexSettings
from cortexsvc.share import Share
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import moving

NAMES = tuple(f"e{number}" for number in range(12))
SHARDS = 4


@pytest.mark.parametrize(
    ("name", "replicas", "expected"),
    [
        ("cortex", 1, [0, 1, 2, 3, 4]),
        ("cortex-7", 1, [0, 1, 2, 3, 4]),
        ("cortex-0", 2, [0, 2, 4]),
        ("cortex-1", 2, [1, 3]),
        ("cortex-2", 2, [0, 2, 4]),  # stands by for cortex-0
        ("qbrix-cortex-12", 6, [0]),
        ("cortex-5", 6, []),
    ],
)
def test_shards_go_by_ordinals(name: str, replicas: int, expected: list[int]) -> None:
    assert list(Share.of(name, replicas).shards(5)) == expected


def test_a_name_without_a_number_has_no_share() -> None:
    given = {"CORTEX_CONSUMER_NAME": "cortex-a", "CORTEX_REPLICAS": "2"}
    with pytest.raises(SettingsError) as raised:
        read_settings(CortexSettings, "CORTEX_", given)
    assert str(raised.value) == (
        "CORTEX_CONSUMER_NAME: got 'cortex-a', wants one that ends in a number"
        " with REPLICAS=2"
    )


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Shard]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        store = Shard(client, await Layout.ensure(client, SHARDS))
        await store.define(*(experiment(name) for name in NAMES))
        yield store


@asynccontextmanager
async def cortexes(redis: RedisSettings, *names: str) -> AsyncIterator[list[Process]]:
    """Processes that each train on every other shard."""
    async with AsyncExitStack() as stack:
        started = []
        for name in names:
            started.append(await start(redis, name))
            stack.push_async_callback(end, started[-1])
        yield started


async def start(redis: RedisSettings, name: str) -> Process:
    variables = {
        "CORTEX_CONSUMER_NAME": name,
        "CORTEX_REPLICAS": "2",
        "CORTEX_METRICS_PORT": "0",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cortexsvc",
        env={**environment(redis), "CORTEX_SHARDS": str(SHARDS), **variables},
    )


async def end(process: Process) -> None:
    if process.returncode is None:
        # a stopped process takes no other signal
        process.send_signal(signal.SIGCONT)
        process.kill()
        await process.wait()


def rewards(number: int) -> list[FeedbackEvent]:
    """One for each experiment."""
    first = number * len(NAMES)
    return [event(n, experiment=name) for n, name in enumerate(NAMES, first)]


async def owners(store: Shard) -> list[str]:
    layout = store.layout
    leases = [("GET", layout.lease(shard)) for shard in range(layout.shards)]
    found = await store.client.pipeline(leases)
    return [(name or b"").decode() for name in found]


async def learned(store: Shard) -> Counter[str]:
    """How often the first arm of each experiment was learned of."""
    pulls = {name: (await store.pulls(name))[0] for name in NAMES}
    return Counter(pulls)


async def test_each_trains_on_its_own_and_others_take_over(
    store: Shard, redis_server: RedisSettings
) -> None:
    """A share is nobody else's; its owner restarts at once or is stood in for."""

    async def of(*expected: str) -> None:
        async def true() -> bool:
            return tuple(await owners(store)) == expected

        await store.until(true)

    async def know(count: int) -> None:
        async def true() -> bool:
            return await learned(store) == Counter(dict.fromkeys(NAMES, count))

        await store.until(true)

    async def reward(number: int) -> None:
        assert await store.append(*rewards(number)) == len(NAMES)

    async with cortexes(redis_server, "c-0", "c-1") as (zero, one):
        await of("c-0", "c-1", "c-0", "c-1")
        await reward(1)
        await know(1)
        # the same name takes over at once, while the lease of the dead one runs
        zero.kill()
        await zero.wait()
        async with cortexes(redis_server, "c-0"):
            await reward(2)
            await know(2)
            # a frozen owner is stood in for once its lease is over, ...
            one.send_signal(signal.SIGSTOP)
            async with cortexes(redis_server, "c-3"):
                await of("c-0", "c-3", "c-0", "c-3")
                await reward(3)
                await know(3)
                # ... and steps down when it awakes
                one.send_signal(signal.SIGCONT)
                await reward(4)
                await know(4)
                assert await owners(store) == ["c-0", "c-3", "c-0", "c-3"]
                assert one.returncode is None, "it stands by"


async def test_they_follow_a_store_that_is_divided_anew(
    store: Shard, redis_server: RedisSettings
) -> None:
    async with cortexes(redis_server, "c-0", "c-1"):
        for number, shards in enumerate((1, 3), start=1):
            events = rewards(number)
            assert await store.append(*events) == len(NAMES)
            # what waits is learned before anything is carried
            layout, _ = await moving.migrate(store.client, shards)
            store = Shard(store.client, layout)
            assert await learned(store) == Counter(dict.fromkeys(NAMES, number))
            assert await store.append(*events) == 0
        assert await store.append(*rewards(3)) == len(NAMES)

        async def all_learned() -> bool:
            return await learned(store) == Counter(dict.fromkeys(NAMES, 3))

        await store.until(all_learned)
        assert await owners(store) == ["c-0", "c-1", "c-0"]
