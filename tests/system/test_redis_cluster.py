"""The whole system on a cluster of real Redis servers, one of which is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Iterator

import httpx
import pytest
from redis.crc import key_slot
from tests.servers import Background
from tests.servers import ServerDirectory
from tests.store.redis.modes.servers import Sharded
from tests.store.redis.modes.servers import eventually
from tests.system.learned import learned
from tests.system.running import Up

from qbrixcore.errors import Unavailable
from qbrixstore.redis import Layout
from qbrixstore.redis import keys

PATIENCE_SEC = 30.0
USERS = ("PROXY", "MOTOR", "CORTEX")


def select(client: httpx.Client, experiment: str) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "someone"}}
    return client.post("/agent/select", json=body)


def token_of(client: httpx.Client, experiment: str) -> str:
    answer = select(client, experiment)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["request_id"])


def reward(client: httpx.Client, token: str) -> int:
    body = {"request_id": token, "reward": 1}
    return client.post("/agent/feedback", json=body).status_code


async def rewarded(client: httpx.Client, token: str) -> set[int]:
    """Send a reward until it is taken; the other answers there were."""
    others = set()
    async with asyncio.timeout(PATIENCE_SEC):
        while (code := reward(client, token)) != 201:
            others.add(code)
            await asyncio.sleep(0.05)
    return others


def environment(cluster: Sharded) -> dict[str, str]:
    settings = cluster.settings
    return {
        f"{user}_REDIS_{name}": value
        for user in USERS
        for name, value in (
            ("MODE", "cluster"),
            ("NODES", ",".join(settings.nodes)),
            ("PASSWORD", settings.password),
        )
    }


async def caught_up(cluster: Sharded) -> None:
    """Raises Unavailable while the replica is behind."""
    master, replica = cluster.replicated, cluster.members[3]
    if (await master.ask("ROLE"))[1] != (await replica.ask("ROLE"))[4]:
        raise Unavailable("the replica is behind")


@pytest.fixture
def cluster(background: Background) -> Iterator[Sharded]:
    """Whoever holds the only shard has a replica."""
    directory = ServerDirectory()
    cluster = Sharded(directory.path, safe=key_slot(keys.meta(1, 0).encode()))
    background.run(cluster.__aenter__())
    yield cluster
    background.run(cluster.__aexit__(None, None, None))
    directory.remove()


async def test_it_learns_on_a_cluster_and_outlives_one_of_its_nodes(
    cluster: Sharded, fresh: Callable[..., Up], background: Background
) -> None:
    up = fresh(**environment(cluster)).start()
    experiment = up.experiment
    with up.client() as client:
        async with learned(up, experiment) as state:
            for token in [token_of(client, experiment) for _ in range(20)]:
                assert reward(client, token) == 201
            assert (await state.until(20)).sum() == 20
            layout = await Layout.read(state.client)
            assert layout.number == 1
            token = token_of(client, experiment)
            background.run(eventually(lambda: caught_up(cluster)))
            background.run(cluster.replicated.kill())
            select_again = select(client, experiment)
            assert select_again.status_code == 200, "motors hold what they need"
            assert await rewarded(client, token) <= {503}
        async with learned(up, experiment) as state:
            assert (await state.until(21)).sum() == 21
            assert (await state.stored()).header.version > 0
