"""A Redis that a test takes away and brings back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixcli.embedded.wheels import valkey_program
from qbrixstore.redis import RedisSettings


class OwnRedis:
    """A server that one test starts, stops, starts again and freezes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = AsyncExitStack()
        self._again: asyncio.subprocess.Process | None = None
        self.settings = RedisSettings(host="127.0.0.1", port=free_port(), password="p")

    async def start(self) -> None:
        server = Valkey(self._directory, self.settings.port, "p")
        await self._stack.enter_async_context(server)

    async def stop(self) -> None:
        await self._stack.aclose()
        if self._again is not None:
            self._again.terminate()
            await self._again.wait()

    async def start_again(self) -> None:
        # without code of ours between fork and exec, which grpc's threads would not
        # survive
        configuration = str(self._directory / "valkey.conf")
        self._again = await asyncio.create_subprocess_exec(
            str(valkey_program()), configuration
        )

    def signal(self, number: int) -> None:
        [server] = [
            child
            for child in psutil.Process().children(recursive=True)
            if any(str(self.settings.port) in word for word in child.cmdline())
        ]
        server.send_signal(number)
