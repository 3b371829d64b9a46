"""An embedded Postgres."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType

from qbrixcli.embedded.cluster import environment
from qbrixcli.embedded.cluster import programs
from qbrixcli.embedded.cluster import ready_cluster
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import server_account
from qbrixcli.embedded.server import Server
from qbrixstore.postgres.config import PostgresSettings

HOST = "127.0.0.1"
USER = "qbrix"
DATABASE = "qbrix"
CONNECT_SEC = 5.0

OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    # a refused insert is an answer, not an incident
    "log_min_messages": "fatal",
    "log_checkpoints": "off",
}


class Postgres:
    """A Postgres server on loopback with one database and one owner.

    Use it as an async context manager; ``settings`` says how to reach it.

    Args:
        data_dir: where its data lives; created if it is missing.
        port: port on 127.0.0.1.
        password: the owner's password, fixed when the data directory is created.
    """

    def __init__(self, data_dir: Path, port: int, password: str) -> None:
        self._directory = data_dir.absolute()
        self._account = server_account()
        self.settings = PostgresSettings(
            host=HOST,
            port=port,
            user=USER,
            password=password,
            database=DATABASE,
            sslmode="disable",
        )
        self._server = Server("postgres", self._directory, signal.SIGINT)

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._server.process.pid

    async def wait(self) -> int:
        """Exit code, once the server has ended by itself."""
        return await self._server.process.wait()

    async def __aenter__(self) -> Postgres:
        """Start it. Raises StartError."""
        self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        await self._server.claim()
        try:
            cluster = await ready_cluster(
                self._directory, USER, self.settings.password, self._account
            )
            await self._server.start(
                self._command(cluster),
                self._answers,
                env=environment(),
                cwd="/",
                **self._account.options,
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

    def _command(self, cluster: Path) -> list[str]:
        options = {**OPTIONS, "port": str(self.settings.port)}
        flags = [part for k, v in options.items() for part in ("-c", f"{k}={v}")]
        return [str(programs(self._account) / "postgres"), "-D", str(cluster), *flags]

    async def _answers(self) -> bool:
        import asyncpg

        try:
            connection = await asyncpg.connect(
                host=HOST,
                port=self.settings.port,
                user=USER,
                password=self.settings.password,
                database="postgres",
                ssl=False,
                timeout=CONNECT_SEC,
            )
        except asyncpg.InvalidPasswordError:
            raise StartError(
                f"{self._directory} was made with another password:"
                " restore the secrets that belong to it"
            ) from None
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        try:
            await _ensure_database(connection)
        finally:
            await connection.close()
        return True


async def _ensure_database(connection: object) -> None:
    import asyncpg

    assert isinstance(connection, asyncpg.Connection)
    known = "select 1 from pg_database where datname = $1"
    if await connection.fetchval(known, DATABASE) is None:
        await connection.execute(f'create database "{DATABASE}"')
