"""A server that sentinels watch: found, followed when another one takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import aclosing

import msgspec
import pytest
from tests.proxy.edge.certificates import make_pair
from tests.servers import Background
from tests.servers import ServerDirectory
from tests.store.redis.modes.rounds import EXPERIMENTS
from tests.store.redis.modes.rounds import round_of_learning
from tests.store.redis.modes.servers import BEHIND_DOORS
from tests.store.redis.modes.servers import NAME
from tests.store.redis.modes.servers import Watched
from tests.store.redis.modes.servers import eventually
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import events

from qbrixcore.errors import Unavailable
from qbrixstore.redis import Changes
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys

Groups = tuple[Watched, Watched, Watched]


@pytest.fixture(scope="module")
def groups(background: Background) -> Iterator[Groups]:
    """Two, for sentinels need long until they can replace a master once more.

    A third one is reached over TLS.
    """
    directory = ServerDirectory()
    pair = make_pair(directory.path, host=BEHIND_DOORS)
    path = directory.path
    groups = Watched(path / "a"), Watched(path / "b"), Watched(path / "c", pair)

    async def start() -> None:
        await asyncio.gather(*(group.__aenter__() for group in groups))

    async def stop() -> None:
        await asyncio.gather(*(group.__aexit__(None, None, None) for group in groups))

    background.run(start())
    yield groups
    background.run(stop())
    directory.remove()


@pytest.fixture
def watched(groups: Groups) -> Watched:
    return groups[0]


@pytest.fixture
async def client(watched: Watched) -> AsyncIterator[RedisClient]:
    async with RedisClient(watched.settings) as client:
        await client.execute("FLUSHALL")
        yield client


async def test_everything_works(client: RedisClient) -> None:
    await round_of_learning(client)


async def test_some_sentinels_are_enough(watched: Watched) -> None:
    [first, *_] = watched.settings.nodes
    settings = msgspec.structs.replace(
        watched.settings, nodes=("127.0.0.1:1", "127.0.0.1:2", first)
    )
    async with RedisClient(settings) as client:
        await client.ping()


@pytest.mark.parametrize(
    "wrong", [{"master": "another"}, {"sentinel_password": "x"}, {"password": "x"}]
)
async def test_what_is_not_found_is_unavailable(
    watched: Watched, wrong: dict[str, str]
) -> None:
    settings = msgspec.structs.replace(watched.settings, **wrong)
    async with RedisClient(settings) as client:
        with pytest.raises(Unavailable):
            await client.ping()


async def test_everything_works_over_tls(groups: Groups) -> None:
    """Sentinels and server are spoken to over TLS, or not at all."""
    settings = groups[2].settings
    assert settings.tls
    async with RedisClient(settings) as client:
        await round_of_learning(client)
    suspicious = msgspec.structs.replace(settings, tls_ca=None)
    async with RedisClient(suspicious) as client:
        with pytest.raises(Unavailable):
            await client.ping()


async def test_follows_when_a_living_master_is_replaced(
    groups: Groups, background: Background
) -> None:
    async with RedisClient(groups[1].settings) as client:
        await replace(groups[1], client, background)


async def replace(
    watched: Watched, client: RedisClient, background: Background
) -> None:
    """Let the replica take over, and see that nothing is lost or taken twice."""
    layout = await Layout.ensure(client)
    publisher = RedisStreamPublisher(client, layout)
    changes = Changes(client, layout)
    old = background.run(watched.master())
    async with aclosing(changes.listen(keys.CREDENTIALS)) as feed:
        assert await anext(feed) is None
        assert await publisher.append(events(1)) == [True]
        assert await client.execute("WAIT", 1, 900) == 1
        background.run(
            watched.sentinels[0].ask("SENTINEL", "FAILOVER", NAME, "COORDINATED")
        )
        await eventually(lambda: demoted(background, watched, old.address))
        assert await eventually(lambda: publisher.append(events(1, 2))) in (
            [False, True],  # the new master took the second
            [False, False],  # or had taken it when a reply was lost
        )
        assert (await eventually(lambda: client.execute("ROLE")))[0] == b"master"
        assert await asyncio.wait_for(anext(feed), 10) is None
        pair = (TENANT, "u")
        await eventually(lambda: changes.announce(keys.CREDENTIALS, [pair]))
        assert await asyncio.wait_for(anext(feed), 10) in (pair, None)
    assert background.run(watched.master()) is not old


async def demoted(background: Background, watched: Watched, address: str) -> None:
    """Raises Unavailable while the server there is master."""
    if background.run(watched.master()).address == address:
        raise Unavailable("still master")
    await asyncio.sleep(0)


async def test_scripts_that_a_server_does_not_know_are_loaded(
    client: RedisClient,
) -> None:
    publisher = RedisStreamPublisher(client, await Layout.ensure(client))
    await client.execute("SCRIPT", "FLUSH")
    assert await publisher.append(events(1)) == [True]
    assert await publisher.append(events(1)) == [False]


async def test_follows_when_the_master_is_killed(
    watched: Watched, client: RedisClient, background: Background
) -> None:
    layout = await round_of_learning(client)
    publisher = RedisStreamPublisher(client, layout)
    held = events(*range(100, 200), experiment=EXPERIMENTS[1])
    assert await publisher.append(held) == [True] * 100
    assert await client.execute("WAIT", 1, 900) == 1
    killed = background.run(watched.master())
    background.run(killed.kill())
    # the marks have come along, hence nothing is taken twice
    assert await eventually(lambda: publisher.append(held)) == [False] * 100
    assert background.run(watched.master()) is not killed
