"""An embedded Postgres."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from qbrixcli.embedded.cluster import environment
from qbrixcli.embedded.cluster import programs
from qbrixcli.embedded.cluster import ready_cluster
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import server_account
from qbrixcli.embedded.server import Server
from qbrixstore.postgres.config import PostgresSettings

if TYPE_CHECKING:
    import asyncpg

HOST = "127.0.0.1"
USER = "qbrix"
DATABASE = "qbrix"
CONNECT_SEC = 5.0
GRACE_SEC = 0.5

OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    # a refused insert is an answer, not an incident
    "log_min_messages": "fatal",
    "log_checkpoints": "off",
}


class Postgres(Server):
    """A Postgres server on loopback with one database and one owner.

    Use it as an async context manager; ``settings`` says how to reach it. When we are
    root it runs as ``nobody``.

    Args:
        data_dir: where its data lives; created if it is missing.
        port: port on 127.0.0.1.
        password: the owner's password, fixed when the data directory is created.
    """

    name = "postgres"
    stop_signal = signal.SIGINT
    directory_mode = 0o711

    def __init__(self, data_dir: Path, port: int, password: str) -> None:
        super().__init__(data_dir)
        self._account = server_account()
        self._cluster = self.directory
        self.settings = PostgresSettings(
            host=HOST,
            port=port,
            user=USER,
            password=password,
            database=DATABASE,
            sslmode="disable",
        )

    async def _launch(self) -> None:
        self._cluster = await ready_cluster(
            self.directory, USER, self.settings.password, self._account
        )
        program = str(programs(self._account) / "postgres")
        options = {**OPTIONS, "port": str(self.settings.port)}
        flags = [part for k, v in options.items() for part in ("-c", f"{k}={v}")]
        await self._run(
            [program, "-D", str(self._cluster), *flags],
            env=environment(),
            **self._account.options,
        )

    async def _answers(self) -> bool:
        import asyncpg

        try:
            connection = await self._connect()
        except asyncpg.InvalidPasswordError:
            if await self._ends_within(GRACE_SEC):
                return False
            raise StartError(
                f"{self.directory} was made with another password:"
                " restore the secrets that belong to it"
            ) from None
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        try:
            # another server may hold the port, and ours be about to notice
            if await connection.fetchval("show data_directory") != str(self._cluster):
                return False
            await _ensure_database(connection)
        finally:
            await connection.close()
        return True

    async def _connect(self) -> asyncpg.Connection:
        import asyncpg

        return await asyncpg.connect(
            host=HOST,
            port=self.settings.port,
            user=USER,
            password=self.settings.password,
            database="postgres",
            ssl=False,
            timeout=CONNECT_SEC,
        )


async def _ensure_database(connection: asyncpg.Connection) -> None:
    known = "select 1 from pg_database where datname = $1"
    if await connection.fetchval(known, DATABASE) is None:
        await connection.execute(f'create database "{DATABASE}"')
