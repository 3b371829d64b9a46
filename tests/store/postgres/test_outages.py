"""Postgres away, refusing, slow, frozen or restarted: Unavailable, then well again."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.postgres import Postgres
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import Limits
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import get_session
from qbrixstore.postgres import init_db
from qbrixstore.postgres.leadership import leadership
from qbrixstore.postgres.migrate import migrate
from qbrixstore.postgres.migrate import schema_is_current

# a busy machine must not look like an outage
ROOMY = Limits(connect=20, pool_wait=20, statement=20, lock=20, reply=20)
PASSWORD = "correct-horse-battery"


@asynccontextmanager
async def engine_of(
    settings: PostgresSettings, limits: Limits = ROOMY
) -> AsyncIterator[AsyncEngine]:
    engine = init_db(settings, limits)
    yield engine
    await engine.dispose()


async def ask(engine: AsyncEngine, statement: str = "select 1") -> object:
    async with get_session(engine, "t") as session:
        return await session.scalar(text(statement))


async def until_answered(engine: AsyncEngine) -> None:
    for _ in range(200):
        try:
            await ask(engine)
        except Unavailable:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("postgres is back, and the engine does not find it")


class Restarted:
    """A server of the test's own, always on the same port and data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "postgres"
        self._port = free_port()
        self._stack = AsyncExitStack()

    async def start(self) -> PostgresSettings:
        server = Postgres(self._directory, self._port, PASSWORD)
        self._server = await self._stack.enter_async_context(server)
        return server.settings

    async def stop(self) -> None:
        await self._stack.aclose()

    def signal(self, sign: signal.Signals) -> None:
        # the backends live in sessions of their own
        head = psutil.Process(self._server.pid)
        for process in [head, *head.children(recursive=True)]:
            process.send_signal(sign)


@pytest.fixture
async def own_server(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(server_directory)
    yield server
    await server.stop()


async def test_engine_outlives_its_server(own_server: Restarted) -> None:
    settings = await own_server.start()
    async with engine_of(settings) as engine:
        # several idle connections, all of which the restart kills
        await asyncio.gather(*(ask(engine, "select pg_sleep(0.05)") for _ in range(3)))
        await own_server.stop()
        for _ in range(4):
            with pytest.raises(Unavailable, match="cannot be reached|closed"):
                await ask(engine)
        await own_server.start()
        assert [await ask(engine) for _ in range(4)] == [1] * 4


async def test_restart_between_two_sessions_goes_unnoticed(
    own_server: Restarted,
) -> None:
    settings = await own_server.start()
    async with engine_of(settings) as engine:
        assert await ask(engine) == 1
        await own_server.stop()
        await own_server.start()
        assert await ask(engine) == 1


async def test_session_under_way_ends_with_the_server(own_server: Restarted) -> None:
    settings = await own_server.start()
    async with engine_of(settings) as engine:
        with pytest.raises(Unavailable):
            async with get_session(engine, "t") as session:
                await session.execute(text("create table seen (n int)"))
                await own_server.stop()
                await session.execute(text("insert into seen values (1)"))
        await own_server.start()
        assert await ask(engine, "select to_regclass('seen')") is None


async def test_commit_that_meets_no_server_is_unavailable(
    own_server: Restarted,
) -> None:
    settings = await own_server.start()
    async with engine_of(settings) as engine:
        with pytest.raises(Unavailable):
            async with get_session(engine, "t") as session:
                await session.execute(text("create table seen (n int)"))
                await own_server.stop()


async def test_frozen_server_is_given_up_and_found_again(
    own_server: Restarted,
) -> None:
    settings = await own_server.start()
    limits = msgspec.structs.replace(ROOMY, connect=1, reply=1)
    async with engine_of(settings, limits) as engine:
        assert await ask(engine) == 1
        try:
            with pytest.raises(Unavailable, match="in time"):
                async with get_session(engine, "t") as session:
                    await session.execute(text("create table seen (n int)"))
                    assert await ask(engine) == 1
                    own_server.signal(signal.SIGSTOP)
                    await session.execute(text("insert into seen values (1)"))
            for _ in range(3):
                with pytest.raises(Unavailable, match="in time"):
                    await ask(engine)
        finally:
            own_server.signal(signal.SIGCONT)
        await until_answered(engine)
        assert await ask(engine, "select to_regclass('seen')") is None


async def test_leader_ends_with_the_server(own_server: Restarted) -> None:
    settings = await own_server.start()
    async with engine_of(settings) as engine:
        async with leadership(engine) as leader:
            assert leader is not None
            await own_server.stop()
        with pytest.raises(Unavailable):
            async with leadership(engine):
                pass
        await own_server.start()
        async with leadership(engine) as leader:
            assert leader is not None


async def test_nobody_listens() -> None:
    settings = PostgresSettings(port=free_port(), password=PASSWORD)
    async with engine_of(settings) as engine:
        with pytest.raises(Unavailable, match="cannot be reached") as caught:
            await ask(engine)
        with pytest.raises(Unavailable, match="cannot be reached"):
            await schema_is_current(engine)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await migrate(settings)
    assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_listener_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = PostgresSettings(port=listener.getsockname()[1], sslmode="disable")
        limits = msgspec.structs.replace(ROOMY, connect=0.2)
        async with engine_of(settings, limits) as engine:
            with pytest.raises(Unavailable, match="in time"):
                await ask(engine)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"password": "not-this"}, "refused the login"),
        ({"user": "nobody"}, "refused the login"),
        ({"database": "nowhere"}, "does not exist"),
        ({"host": "nowhere.invalid"}, "cannot be reached"),
        ({"sslmode": "require"}, "TLS"),
        ({"sslmode": "verify-full"}, "TLS"),
    ],
)
async def test_wrong_setting_is_said_in_words(
    postgres_server: PostgresSettings, wrong: dict[str, str], text: str
) -> None:
    settings = msgspec.structs.replace(postgres_server, **wrong)
    async with engine_of(settings) as engine:
        with pytest.raises(Unavailable, match=text):
            await ask(engine)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_server_without_tls_serves_modes_that_allow_it(
    postgres_server: PostgresSettings, mode: str
) -> None:
    settings = msgspec.structs.replace(postgres_server, sslmode=mode)
    async with engine_of(settings) as engine:
        assert await ask(engine) == 1


async def test_slow_statement_is_cut_off(postgres_server: PostgresSettings) -> None:
    limits = msgspec.structs.replace(ROOMY, statement=0.5)
    async with engine_of(postgres_server, limits) as engine:
        with pytest.raises(Unavailable, match="too long"):
            await ask(engine, "select pg_sleep(60)")
        await until_answered(engine)


async def test_lock_is_not_waited_for_without_end(
    postgres_server: PostgresSettings,
) -> None:
    limits = msgspec.structs.replace(ROOMY, lock=0.2)
    async with engine_of(postgres_server, limits) as engine:
        async with get_session(engine, "t") as session:
            await session.execute(text("lock table pool in exclusive mode"))
            with pytest.raises(Unavailable, match="lock"):
                await ask(engine, "lock table pool in exclusive mode")
        assert await ask(engine) == 1


async def test_all_connections_in_use_is_said_so(
    postgres_server: PostgresSettings,
) -> None:
    limits = msgspec.structs.replace(
        ROOMY, connections=1, spare_connections=1, pool_wait=0.2
    )
    async with engine_of(postgres_server, limits) as engine:
        async with AsyncExitStack() as stack:
            for _ in range(2):
                await stack.enter_async_context(get_session(engine, "t"))
            with pytest.raises(Unavailable, match="in use"):
                await ask(engine)
        assert await ask(engine) == 1


@pytest.mark.parametrize("error", [TimeoutError, OSError, KeyError])
async def test_errors_of_the_block_are_not_blamed_on_postgres(
    postgres_server: PostgresSettings, error: type[Exception]
) -> None:
    async with engine_of(postgres_server) as engine:
        with pytest.raises(error, match="mine"):
            async with get_session(engine, "t"):
                raise error("mine")


async def test_cancelled_statement_gives_its_connection_back(
    postgres_server: PostgresSettings,
) -> None:
    limits = msgspec.structs.replace(ROOMY, connections=1, spare_connections=0)
    async with engine_of(postgres_server, limits) as engine:
        task = asyncio.create_task(ask(engine, "select pg_sleep(2)"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(engine) == 1


async def test_password_shows_nowhere(postgres_server: PostgresSettings) -> None:
    async with engine_of(postgres_server) as engine:
        shown = f"{postgres_server!r} {engine!r} {engine.url!r} {engine.pool!r}"
    assert postgres_server.password
    assert postgres_server.password not in shown
