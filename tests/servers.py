"""The real servers that tests run on, started once a session on free loopback ports."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from typing import TypeVar
from uuid import uuid4

import asyncpg
import msgspec
from redis.asyncio import Redis

from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.migrate import migrate
from qbrixstore.redis.config import RedisSettings

T = TypeVar("T")

TEMPLATE = "migrated"


class Background:
    """A loop in a thread of its own: servers live longer than the loop of any test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        return self.run(self._stack.enter_async_context(manager))

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class PostgresCluster:
    """One Postgres, of which everyone gets databases of their own."""

    def __init__(self, background: Background, directory: Path) -> None:
        self._background = background
        server = Postgres(directory, free_port(), uuid4().hex)
        self._settings = background.enter(server).settings
        self.empty(TEMPLATE)
        background.run(migrate(self._named(TEMPLATE)))

    def fresh(self) -> PostgresSettings:
        """A new database with the newest schema and no rows."""
        return self._create(f"test_{uuid4().hex}", f"template {TEMPLATE}")

    def empty(self, name: str | None = None) -> PostgresSettings:
        """A new database without any schema."""
        return self._create(name or f"test_{uuid4().hex}", "")

    def drop(self, settings: PostgresSettings) -> None:
        self._execute(f"drop database {settings.database} with (force)")

    def _create(self, name: str, options: str) -> PostgresSettings:
        self._execute(f"create database {name} {options}")
        return self._named(name)

    def _named(self, database: str) -> PostgresSettings:
        return msgspec.structs.replace(self._settings, database=database)

    def _execute(self, statement: str) -> None:
        self._background.run(execute(self._settings, statement))


async def execute(settings: PostgresSettings, statement: str) -> None:
    """One statement on a connection of its own, outside any transaction."""
    connection = await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password,
        database=settings.database,
        ssl=settings.sslmode,
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class RedisServer:
    """One Valkey, appending to its file like any server of ours."""

    def __init__(self, background: Background, directory: Path) -> None:
        self._background = background
        server = Valkey(directory, free_port(), uuid4().hex)
        self.settings: RedisSettings = background.enter(server).settings

    def clear(self) -> None:
        self._background.run(self._clear())

    async def _clear(self) -> None:
        at = self.settings
        async with Redis(host=at.host, port=at.port, password=at.password) as client:
            await client.flushall()


class ServerDirectory:
    """A place that the account of an embedded server may enter, also under root."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="qbrix-test-"))
        self.path.chmod(0o711)

    def remove(self) -> None:
        shutil.rmtree(self.path)
