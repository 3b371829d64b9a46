"""``qbrix shards`` on a store in use, and killed in the middle."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment

from qbrixcli.main import main
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.refusals import LayoutMismatch

T = TypeVar("T")
PATIENCE_SEC = 60.0


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, redis_server: RedisSettings, tmp_path: Path
) -> None:
    monkeypatch.setenv("QBRIX_DATA_DIR", str(tmp_path))
    for user in ("PROXY", "MOTOR", "CORTEX"):
        for name in ("host", "port", "password"):
            value = str(getattr(redis_server, name))
            monkeypatch.setenv(f"{user}_REDIS_{name.upper()}", value)

    async def emptied(store: Shard) -> None:
        await store.client.execute("FLUSHALL")

    async def filled(store: Shard) -> None:
        await store.define(experiment())

    in_redis(redis_server, emptied)
    in_redis(redis_server, filled)


def in_redis(settings: RedisSettings, work: Callable[[Shard], Awaitable[T]]) -> T:
    async def run() -> T:
        async with RedisClient(settings) as client:
            return await work(Shard(client, await Layout.ensure(client)))

    return asyncio.run(run())


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["shards", *words]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


async def append(store: Shard) -> int:
    return await store.append(event(1))


async def is_closed(store: Shard) -> bool:
    mark = await store.client.execute("HGET", store.layout.meta(0), "layout")
    return bool(mark.decode() != store.layout.mark)


def test_there_and_back(
    redis_server: RedisSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "show") == "the store has 1 shard\n"
    told = said(capsys, "migrate", "3")
    assert told.startswith("the store has 3 shards: carried 3 keys in ")
    assert "CORTEX_SHARDS=3" in told
    assert in_redis(redis_server, append) == 1
    assert said(capsys, "rollback") == (
        "the store has 3 shards: there is nothing to give up\n"
    )
    assert said(capsys, "migrate", "3", code=2) == "qbrix: the store has 3 shards\n"
    assert said(capsys, "migrate", "0", code=2) == (
        "qbrix: got 0 shards, wants 1 to 1024\n"
    )


def test_without_cortex_nothing_changes(
    redis_server: RedisSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_redis(redis_server, append) == 1
    told = said(capsys, "migrate", "2", "--drain", "0.1", code=2)
    assert "shard 0 still has 1 entries to learn" in told
    assert said(capsys, "show") == "the store has 1 shard\n"
    assert in_redis(redis_server, append) == 0


def test_killed_in_the_middle(
    redis_server: RedisSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_redis(redis_server, append) == 1
    command = [sys.executable, "-m", "qbrixcli", "shards", "migrate", "2"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as migrating:
        deadline = time.monotonic() + PATIENCE_SEC
        while not in_redis(redis_server, is_closed):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        migrating.kill()
    assert "a migration to 2 is under way or was interrupted" in said(capsys, "show")
    with pytest.raises(LayoutMismatch):
        in_redis(redis_server, append)
    assert said(capsys, "rollback") == (
        "the store has 1 shard: gave the migration to 2 up\n"
    )
    assert in_redis(redis_server, append) == 0
