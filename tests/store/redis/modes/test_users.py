"""An ACL user with the permissions that docs/redis.md gives, and no others."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.store.redis.modes.rounds import round_of_learning
from tests.store.redis.moving import Store
from tests.store.redis.moving import moved

from qbrixcore.errors import Unavailable
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.moving import migration

PAGE = Path(__file__).parents[4] / "docs" / "redis.md"


def documented() -> list[str]:
    """The rules of the user qbrix as the page writes them."""
    [rules] = re.findall(r"ACL SETUSER qbrix on >PASSWORD (.+)", PAGE.read_text())
    return rules.split()


@pytest.fixture
async def limited(redis_server: RedisSettings) -> AsyncIterator[RedisSettings]:
    """The same server as the user that the page describes."""
    async with RedisClient(redis_server) as admin:
        await admin.execute("FLUSHALL")
        await admin.execute("ACL", "SETUSER", "qbrix", "on", ">pw", *documented())
        yield msgspec.structs.replace(redis_server, user="qbrix", password="pw")
        await admin.execute("ACL", "DELUSER", "qbrix")


async def test_the_documented_user_may_do_all_that_is_needed(
    limited: RedisSettings,
) -> None:
    async with RedisClient(limited) as client:
        await client.ping()
        await round_of_learning(client)
        assert b"user=qbrix" in await client.execute("CLIENT", "INFO")


async def test_and_divide_the_store_anew(
    limited: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "FOLLOW_SEC", 0.0)
    async with RedisClient(limited) as client:
        held = await (await Store.filled(client, 1)).means()
        assert await (await moved(client, 3)).means() == held


@pytest.mark.parametrize(
    "command", [("FLUSHALL",), ("CONFIG", "GET", "*"), ("SET", "other:key", 1)]
)
async def test_and_nothing_else(
    limited: RedisSettings, command: tuple[str | int, ...]
) -> None:
    async with RedisClient(limited) as client:
        with pytest.raises(Unavailable, match="[Nn]o permissions"):
            await client.execute(*command)


async def test_a_wrong_password_of_a_user_is_unavailable(
    limited: RedisSettings,
) -> None:
    wrong = msgspec.structs.replace(limited, password="wrong")
    async with RedisClient(wrong) as client:
        with pytest.raises(Unavailable):
            await client.ping()
