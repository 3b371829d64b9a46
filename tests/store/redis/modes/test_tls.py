"""Redis over TLS, through a door in front of a server that has none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.proxy.edge.certificates import Pair
from tests.proxy.edge.certificates import make_pair
from tests.store.redis.modes.door import tls_door
from tests.store.redis.modes.rounds import round_of_learning

from qbrixcore.errors import Unavailable
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def secured(
    redis_server: RedisSettings, pair: Pair
) -> AsyncIterator[RedisSettings]:
    """The same server behind the door."""
    async with tls_door(pair, redis_server.port) as port:
        yield msgspec.structs.replace(
            redis_server, port=port, tls=True, tls_ca=pair.cert
        )


async def test_everything_works_over_tls(secured: RedisSettings) -> None:
    async with RedisClient(secured) as client:
        await client.execute("FLUSHALL")
        await round_of_learning(client)


async def test_a_stranger_is_not_trusted(
    secured: RedisSettings, tmp_path: Path
) -> None:
    other = make_pair(tmp_path, "other").cert
    for settings in (
        msgspec.structs.replace(secured, tls_ca=None),
        msgspec.structs.replace(secured, tls_ca=other),
    ):
        async with RedisClient(settings) as client:
            with pytest.raises(Unavailable):
                await client.ping()


async def test_a_certificate_of_another_server_is_not_trusted(
    redis_server: RedisSettings, pair: Pair
) -> None:
    async with tls_door(pair, redis_server.port, "127.0.0.2") as port:
        other = msgspec.structs.replace(
            redis_server, host="127.0.0.2", port=port, tls=True, tls_ca=pair.cert
        )
        async with RedisClient(other) as client:
            with pytest.raises(Unavailable, match="did not answer"):
                await client.ping()


async def test_speaking_without_tls_is_unavailable(secured: RedisSettings) -> None:
    plain = msgspec.structs.replace(secured, tls=False, tls_ca=None)
    async with RedisClient(plain) as client:
        with pytest.raises(Unavailable):
            await client.ping()
