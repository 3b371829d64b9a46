"""Connections and transactions."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from typing import Final

import msgspec
from sqlalchemy import NullPool
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine

from qbrixstore.postgres import faults
from qbrixstore.postgres.config import Limits
from qbrixstore.postgres.config import PostgresSettings

_TENANT: Final = "tenant_id"
_DEFAULTS: Final = Limits()
_json = msgspec.json.Encoder()


def init_db(settings: PostgresSettings, limits: Limits = _DEFAULTS) -> AsyncEngine:
    """A pool of connections. Opens none yet, and finds its way back by itself.

    A connection is tried before it is lent, so a server that went away and returned is
    noticed here and not by a statement. Dispose of the engine to close the pool.
    """
    return _engine(
        settings,
        limits,
        pool_pre_ping=True,
        pool_size=limits.connections,
        max_overflow=limits.spare_connections,
        pool_timeout=limits.pool_wait,
    )


def without_pool(settings: PostgresSettings, limits: Limits) -> AsyncEngine:
    """An engine whose connections end with their use."""
    return _engine(settings, limits, poolclass=NullPool)


@asynccontextmanager
async def get_session(
    engine: AsyncEngine, tenant_id: str
) -> AsyncIterator[AsyncSession]:
    """One transaction of one tenant: committed if the block returns, else rolled back.

    An error inside ends the transaction, whether caught in the block or not.
    Raises Unavailable when Postgres is; a commit that raises it may have happened.
    """
    if not tenant_id:
        raise ValueError("a session needs a tenant")
    async with system_session(engine) as session:
        session.info[_TENANT] = tenant_id
        yield session


@asynccontextmanager
async def system_session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """The same for work that belongs to no tenant, or makes one."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        with faults.connecting():
            await session.connection()
        yield session
        await session.commit()


@asynccontextmanager
async def connect(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A bare connection, for what is not the work of a transaction.

    Raises Unavailable.
    """
    with faults.connecting():
        connection = await engine.connect()
    try:
        yield connection
    finally:
        await connection.close()


def tenant_of(session: AsyncSession) -> str | None:
    """The tenant a session was opened for, None if for the system."""
    tenant: str | None = session.info.get(_TENANT)
    return tenant


def _engine(settings: PostgresSettings, limits: Limits, **pool: Any) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args=_connect_args(settings, limits),
        json_serializer=lambda value: _json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,
        **pool,
    )
    event.listen(engine.sync_engine, "handle_error", faults.translate, retval=True)
    return engine


def _connect_args(settings: PostgresSettings, limits: Limits) -> dict[str, Any]:
    # given here and not in a url, which shows up in reprs and messages
    return {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        # asyncpg takes no subclass of str, which is what settings hide secrets in
        "password": str(settings.password),
        "database": settings.database,
        "ssl": _ssl(settings.sslmode),
        "timeout": limits.connect,
        "command_timeout": limits.reply or None,
        "server_settings": {
            "application_name": "qbrix",
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": _ms(limits.statement),
            "lock_timeout": _ms(limits.lock),
            "idle_in_transaction_session_timeout": _ms(limits.idle_transaction),
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        },
    }


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _ssl(mode: str) -> ssl.SSLContext | str:
    """What asyncpg takes: it knows the modes that do not verify by name.

    Verification trusts the authorities that OpenSSL does, see SSL_CERT_FILE there.
    """
    if not mode.startswith("verify-"):
        return mode
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    return context
