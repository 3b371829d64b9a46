"""Dead letters and rebuilding, on the embedded stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment

from qbrixcli.main import main
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings

T = TypeVar("T")


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: PostgresSettings,
    redis_server: RedisSettings,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("QBRIX_DATA_DIR", str(tmp_path))
    for user in ("PROXY", "MOTOR", "CORTEX"):
        for name in ("host", "port", "password"):
            value = str(getattr(redis_server, name))
            monkeypatch.setenv(f"{user}_REDIS_{name.upper()}", value)
    for user in ("PROXY", "CORTEX"):
        for name in ("host", "port", "user", "password", "database", "sslmode"):
            value = str(getattr(postgres_server, name))
            monkeypatch.setenv(f"{user}_POSTGRES_{name.upper()}", value)


def in_redis(settings: RedisSettings, work: Callable[[Shard], Awaitable[T]]) -> T:
    async def run() -> T:
        async with RedisClient(settings) as client:
            return await work(Shard(client, await Layout.ensure(client)))

    return asyncio.run(run())


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


async def train(shard: Shard) -> None:
    await shard.drain(*shard.trainer())


async def make_letters(shard: Shard) -> None:
    """Two rewards for an experiment that does not exist yet, and garbage."""
    await shard.client.execute("FLUSHALL")
    shard.layout.incarnation = (await Layout.ensure(shard.client)).incarnation
    await shard.append(event(1, experiment="late"), event(2, experiment="late"))
    await shard.client.execute("XADD", shard.layout.log(0), "*", 0, b"\xc1")
    await train(shard)


def test_what_is_known_by_now_is_learned_once(
    redis_server: RedisSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    in_redis(redis_server, make_letters)
    lines = said(capsys, "deadletter", "list").splitlines()
    assert len(lines) == 3
    assert all("late" in line and "unknown experiment" in line for line in lines[:2])
    assert "undecodable" in lines[2]
    assert said(capsys, "deadletter", "list", "--limit", "1").splitlines() == [
        lines[0],
        "and 2 more",
    ]

    async def define(shard: Shard) -> None:
        await shard.define(experiment("late"))

    in_redis(redis_server, define)
    first = lines[0].split()[0]
    assert "put 1 into" in said(capsys, "deadletter", "requeue", first)
    assert "no such dead letter" in said(capsys, "deadletter", "requeue", first, code=2)
    words = ("deadletter", "requeue", "--all", "--experiment", "late")
    assert "put 1 into" in said(capsys, *words)

    async def learn(shard: Shard) -> list[int]:
        await train(shard)
        counters = await shard.gauges.counters()
        assert counters["handled"] - counters["learned"] == 3
        return await shard.pulls("late")

    assert in_redis(redis_server, learn) == [2, 0, 0]
    assert "forgot 1" in said(capsys, "deadletter", "drop", "--all")
    assert said(capsys, "deadletter", "list") == "none\n"


def test_a_letter_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["deadletter", "requeue"])
    assert "required" in capsys.readouterr().err


def test_an_emptied_redis_is_filled(
    redis_server: RedisSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def empty(shard: Shard) -> None:
        await shard.client.execute("FLUSHALL")

    in_redis(redis_server, empty)
    assert "0 experiments go on" in said(capsys, "rebuild")

    async def look(shard: Shard) -> str:
        return (await Layout.read(shard.client)).incarnation

    assert len(in_redis(redis_server, look)) == 16


def test_without_stores_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for user in ("PROXY", "MOTOR", "CORTEX"):
        monkeypatch.delenv(f"{user}_REDIS_HOST")
    assert "qbrix infra" in said(capsys, "deadletter", "list", code=2)
