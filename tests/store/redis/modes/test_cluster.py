"""A cluster of three: every script in one slot, slots that move, a node that dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import AsyncExitStack
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from redis.crc import key_slot
from tests.proxy.edge.certificates import make_pair
from tests.servers import Background
from tests.servers import ServerDirectory
from tests.store.redis.modes.door import open_door
from tests.store.redis.modes.rounds import EXPERIMENTS
from tests.store.redis.modes.rounds import PAIRS
from tests.store.redis.modes.rounds import round_of_learning
from tests.store.redis.modes.servers import BEHIND_DOORS
from tests.store.redis.modes.servers import Member
from tests.store.redis.modes.servers import Sharded
from tests.store.redis.modes.servers import eventually
from tests.store.redis.moving import EVENTS
from tests.store.redis.moving import Store
from tests.store.redis.moving import moved
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import event
from tests.store.redis.samples import events

from qbrixcore.errors import Unavailable
from qbrixstore.redis import Changes
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.moving import migration

SHARDS = 4


@pytest.fixture(scope="module")
def sharded(background: Background) -> Iterator[Sharded]:
    directory = ServerDirectory()
    group = Sharded(directory.path)
    background.run(group.__aenter__())
    yield group
    background.run(group.__aexit__(None, None, None))
    directory.remove()


@pytest.fixture
async def client(
    sharded: Sharded, background: Background
) -> AsyncIterator[RedisClient]:
    background.run(sharded.empty())
    async with RedisClient(sharded.settings) as client:
        yield client


def slot_of(name: str) -> int:
    return key_slot(name.encode())


def holder(background: Background, sharded: Sharded, slot: int) -> Member:
    """The node that a node names for a slot."""
    for first, last, master, *_ in background.run(
        sharded.members[1].ask("CLUSTER", "SLOTS")
    ):
        if first <= slot <= last:
            [found] = [m for m in sharded.members if m.settings.port == master[1]]
            return found
    raise AssertionError(slot)


async def test_everything_works_on_shards_of_all_nodes(
    client: RedisClient, sharded: Sharded, background: Background
) -> None:
    layout = await round_of_learning(client, SHARDS)
    slots = [slot_of(layout.meta(shard)) for shard in range(SHARDS)]
    assert len({holder(background, sharded, slot).address for slot in slots}) == 3
    for master in sharded.masters:
        for name in background.run(master.ask("KEYS", "*")):
            assert name.startswith(keys.ROOT.encode()), name


async def test_one_known_node_is_enough(sharded: Sharded) -> None:
    for node in sharded.settings.nodes:
        settings = msgspec.structs.replace(
            sharded.settings, nodes=("127.0.0.1:1", node)
        )
        async with RedisClient(settings) as client:
            await eventually(lambda: Layout.ensure(client, SHARDS))


async def test_no_node_is_unavailable(sharded: Sharded) -> None:
    for settings in (
        msgspec.structs.replace(sharded.settings, nodes=("127.0.0.1:1",)),
        msgspec.structs.replace(sharded.settings, password="wrong"),
    ):
        async with RedisClient(settings) as client:
            with pytest.raises(Unavailable):
                await client.ping()
            with pytest.raises(Unavailable):
                await Layout.read(client)


async def test_a_server_that_is_no_cluster_is_unavailable(
    redis_server: object, sharded: Sharded
) -> None:
    assert isinstance(redis_server, type(sharded.settings))
    settings = msgspec.structs.replace(
        redis_server,
        mode="cluster",
        nodes=(f"{redis_server.host}:{redis_server.port}",),
    )
    async with RedisClient(settings) as client:
        with pytest.raises(Unavailable):
            await Layout.read(client)


async def test_scripts_load_on_every_node(
    client: RedisClient, sharded: Sharded, background: Background
) -> None:
    publisher = RedisStreamPublisher(client, await Layout.ensure(client, SHARDS))
    for start in (0, 100):
        for master in sharded.masters:
            background.run(master.ask("SCRIPT", "FLUSH"))
        some = [event(n, experiment=e) for n, e in enumerate(EXPERIMENTS, start)]
        assert await publisher.append(some) == [True] * len(EXPERIMENTS)
        assert await publisher.append(some) == [False] * len(EXPERIMENTS)


async def test_a_slot_on_its_way_is_followed(
    client: RedisClient, sharded: Sharded, background: Background
) -> None:
    layout = await Layout.ensure(client, SHARDS)
    backend = RedisParamBackend(client, layout)
    await backend.versions(PAIRS)
    shard = layout.shard_of("e1")
    slot = slot_of(layout.meta(shard))
    source = holder(background, sharded, slot)
    [target, *_] = [one for one in sharded.masters if one is not source]
    source_id, target_id = (
        background.run(one.ask("CLUSTER", "MYID")).decode() for one in (source, target)
    )
    background.run(source.ask("DEL", layout.meta(shard)))
    background.run(target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id))
    background.run(source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id))
    # the source has no keys of the slot left: it asks to ask the target
    await client.execute("HSET", layout.meta(shard), "layout", layout.mark)
    assert (
        await client.pipeline([("HGET", layout.meta(shard), "layout")] * 2)
        == [layout.mark.encode()] * 2
    )
    background.run(target.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id))
    background.run(source.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id))
    publisher = RedisStreamPublisher(client, layout)
    assert await publisher.append(events(1)) == [True]
    assert await publisher.append(events(1)) == [False]
    assert await backend.versions(PAIRS) == [None] * len(PAIRS)
    assert background.run(target.ask("XLEN", layout.log(shard))) == 1


async def test_everything_is_carried_to_shards_of_other_nodes(
    client: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "FOLLOW_SEC", 0.0)
    store = await Store.filled(client, SHARDS)
    held = await store.means()
    for shards in (2, 5):
        store = await moved(client, shards)
        assert await store.means() == held
        assert await store.publisher.append(EVENTS) == [False] * len(EVENTS)


async def test_everything_works_over_tls(
    sharded: Sharded, background: Background, tmp_path: Path
) -> None:
    """Nodes tell clients an address at which there are doors, and each other theirs."""
    pair = make_pair(tmp_path, host=BEHIND_DOORS)
    ports = [member.settings.port for member in sharded.members]
    settings = msgspec.structs.replace(
        sharded.settings,
        nodes=tuple(f"{BEHIND_DOORS}:{port}" for port in ports),
        tls=True,
        tls_ca=pair.cert,
    )
    background.run(sharded.empty())
    async with AsyncExitStack() as stack:
        for port in ports:
            door = open_door(pair, port, BEHIND_DOORS)
            await stack.enter_async_context(door)
        background.run(sharded.announce(BEHIND_DOORS))
        try:
            async with RedisClient(settings) as client:
                await round_of_learning(client, SHARDS)
        finally:
            background.run(sharded.announce(""))


async def test_announcements_reach_everybody(
    client: RedisClient, sharded: Sharded
) -> None:
    """Whichever node one listens at."""
    layout = await Layout.ensure(client, SHARDS)
    pair = (TENANT, "u")
    for member in sharded.masters:
        settings = msgspec.structs.replace(sharded.settings, nodes=(member.address,))
        async with RedisClient(settings) as other:
            async with aclosing(
                Changes(other, layout).listen(keys.CREDENTIALS)
            ) as feed:
                assert await anext(feed) is None
                await Changes(client, layout).announce(keys.CREDENTIALS, [pair])
                assert await asyncio.wait_for(anext(feed), 10) == pair


async def test_goes_on_when_a_master_is_killed(
    client: RedisClient, sharded: Sharded, background: Background
) -> None:
    layout = await round_of_learning(client, SHARDS)
    publisher = RedisStreamPublisher(client, layout)
    first, replica = sharded.replicated, sharded.members[3]
    held = [event(n, experiment=e) for n, e in enumerate(EXPERIMENTS, 100)]
    assert await publisher.append(held) == [True] * len(held)
    changes, pair = Changes(client, layout), (TENANT, "u")
    async with aclosing(changes.listen(keys.CREDENTIALS)) as feed:
        assert await anext(feed) is None
        background.run(eventually(lambda: caught_up(first, replica)))
        background.run(first.kill())
        # the marks have come along, hence nothing is taken twice
        assert await eventually(lambda: publisher.append(held)) == [False] * len(held)
        assert (background.run(replica.ask("ROLE")))[0] == b"master"
        await eventually(lambda: changes.announce(keys.CREDENTIALS, [pair]))
        # none when it listened at the node that died
        assert await asyncio.wait_for(anext(feed), 10) in (pair, None)
    background.run(first.start())
    background.run(eventually(sharded.settled))


async def caught_up(master: Member, replica: Member) -> None:
    """Raises Unavailable while the replica is behind."""
    if (await master.ask("ROLE"))[1] != (await replica.ask("ROLE"))[4]:
        raise Unavailable("the replica is behind")
