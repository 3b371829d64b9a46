"""The embedded Valkey."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from qbrixcli.embedded import Valkey
from qbrixcli.embedded import server
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.ports import free_port
from qbrixserving.processes import port_is_free

PASSWORD = "a-secret_of-1-test"


def client(valkey: Valkey, password: str = PASSWORD) -> Redis:
    return Redis(
        host="127.0.0.1",
        port=valkey.settings.port,
        password=password,
        retry=Retry(NoBackoff(), 0),
    )


async def test_keeps_what_was_written_when_it_is_killed(directory: Path) -> None:
    valkey = Valkey(directory / "data", free_port(), PASSWORD, "always")
    async with valkey:
        async with client(valkey) as redis:
            await redis.set("kept", "yes")
        os.kill(valkey.pid, signal.SIGKILL)
        assert await valkey.wait() == -signal.SIGKILL
    async with valkey, client(valkey) as redis:
        assert await redis.get("kept") == b"yes"


async def test_wants_the_password_and_refuses_to_evict(directory: Path) -> None:
    async with Valkey(directory / "data", free_port(), PASSWORD) as valkey:
        async with client(valkey, "wrong") as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.ping()
        async with client(valkey) as redis:
            settings = await redis.config_get("maxmemory-policy", "appendfsync")
            assert settings["maxmemory-policy"] == "noeviction"
            assert settings["appendfsync"] == "everysec"
            assert (await redis.config_get("bind"))["bind"] == "127.0.0.1"


async def test_its_secrets_are_private(directory: Path) -> None:
    async with Valkey(directory / "data", free_port(), PASSWORD):
        for path in (directory / "data", directory / "data" / "valkey.conf"):
            assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


async def test_leaves_its_port_when_it_stops(directory: Path) -> None:
    port = free_port()
    async with Valkey(directory / "data", port, PASSWORD):
        assert not port_is_free("127.0.0.1", port)
    assert port_is_free("127.0.0.1", port)


async def test_two_never_share_a_directory(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RELEASE_SEC", 0.1)
    async with Valkey(directory / "data", free_port(), PASSWORD):
        with pytest.raises(StartError, match=f"process {os.getpid()}.*stop it first"):
            await Valkey(directory / "data", free_port(), PASSWORD).start()


async def test_says_why_it_did_not_start(directory: Path) -> None:
    port = free_port()
    async with Valkey(directory / "one", port, PASSWORD):
        with pytest.raises(StartError, match="Failed listening|Address already in use"):
            await Valkey(directory / "two", port, PASSWORD).start()
    async with Valkey(directory / "two", port, PASSWORD) as valkey:
        assert valkey.pid > 0
