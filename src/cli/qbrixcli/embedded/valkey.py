"""An embedded Valkey, which speaks the Redis protocol."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType

from qbrixcli.embedded.server import Server
from qbrixcli.embedded.wheels import valkey_program
from qbrixstore.redis.config import RedisSettings

HOST = "127.0.0.1"

CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir "{directory}"
appendonly yes
appendfsync {appendfsync}
save ""
maxmemory-policy noeviction
loglevel warning
daemonize no
"""


class Valkey:
    """A Valkey server on loopback that keeps everything in an append-only file.

    Use it as an async context manager; ``settings`` says how to reach it.

    Args:
        data_dir: where its data lives; created if it is missing.
        port: port on 127.0.0.1.
        password: what clients must present; letters, digits, ``-`` and ``_``.
        appendfsync: ``everysec`` or ``always``.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        password: str,
        appendfsync: str = "everysec",
    ) -> None:
        self._directory = data_dir.absolute()
        self._appendfsync = appendfsync
        self.settings = RedisSettings(host=HOST, port=port, password=password)
        self._server = Server("valkey", self._directory, signal.SIGTERM)

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._server.process.pid

    async def wait(self) -> int:
        """Exit code, once the server has ended by itself."""
        return await self._server.process.wait()

    async def __aenter__(self) -> Valkey:
        """Start it. Raises StartError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._server.claim()
        try:
            await self._server.start(
                [str(valkey_program()), str(self._configure())], self._answers
            )
        except BaseException:
            await self._server.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.close()

    def _configure(self) -> Path:
        path = self._directory / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text(
            CONFIG.format(
                host=HOST,
                port=self.settings.port,
                password=self.settings.password,
                directory=self._directory,
                appendfsync=self._appendfsync,
            )
        )
        return path

    async def _answers(self) -> bool:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        client = Redis(
            host=HOST, port=self.settings.port, password=self.settings.password
        )
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
