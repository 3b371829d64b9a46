"""An embedded Valkey, which speaks the Redis protocol."""

from __future__ import annotations

import signal
from pathlib import Path

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


class Valkey(Server):
    """A Valkey server on loopback that keeps everything in an append-only file.

    Use it as an async context manager; ``settings`` says how to reach it.

    Args:
        data_dir: where its data lives; created if it is missing.
        port: port on 127.0.0.1.
        password: what clients must present; letters, digits, ``-`` and ``_``.
        appendfsync: ``everysec`` or ``always``.
    """

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        data_dir: Path,
        port: int,
        password: str,
        appendfsync: str = "everysec",
    ) -> None:
        super().__init__(data_dir)
        self._appendfsync = appendfsync
        self.settings = RedisSettings(host=HOST, port=port, password=password)

    async def _launch(self) -> None:
        await self._run([str(valkey_program()), str(self._configure())])

    def _configure(self) -> Path:
        path = self.directory / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text(
            CONFIG.format(
                host=HOST,
                port=self.settings.port,
                password=self.settings.password,
                directory=self.directory,
                appendfsync=self._appendfsync,
            )
        )
        return path

    async def _answers(self) -> bool:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        client = Redis(
            host=HOST,
            port=self.settings.port,
            password=self.settings.password,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            found = await client.info("server")
            # another server may hold the port, and ours be about to notice
            return bool(found["process_id"] == self.pid)
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
