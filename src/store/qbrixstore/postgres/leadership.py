"""Which process relays the outbox: the one that holds an advisory lock.

The lock saves work, correctness does not hang on it: while a lost connection is not yet
noticed two processes may both relay, and they claim different rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import QbrixError
from qbrixstore.postgres.engine import connect

# "qbrixrly" in hexadecimal: any number that nothing else locks in this database
_RELAY: Final = 0x71627269_78726C79
_HIGH, _LOW = divmod(_RELAY, 1 << 32)
_HELD: Final = text(
    "select exists (select from pg_locks where pid = pg_backend_pid()"
    " and locktype = 'advisory' and classid = :high and objid = :low)"
)


async def try_leader(connection: AsyncConnection) -> bool:
    """Take the lock for this connection if it is free, without waiting.

    The lock lasts until ``resign`` or the end of the connection, not of a transaction.
    Raises Unavailable.
    """
    return bool(await connection.scalar(select(func.pg_try_advisory_lock(_RELAY))))


async def resign(connection: AsyncConnection) -> None:
    """Let go of the lock. Raises Unavailable."""
    await connection.scalar(select(func.pg_advisory_unlock(_RELAY)))


async def still_leads(connection: AsyncConnection) -> bool:
    """Whether the connection holds the lock; one that was lost does not."""
    if connection.invalidated:
        return False
    try:
        return bool(await connection.scalar(_HELD, {"high": _HIGH, "low": _LOW}))
    except QbrixError:
        return False


@asynccontextmanager
async def leadership(engine: AsyncEngine) -> AsyncIterator[AsyncConnection | None]:
    """The connection that leads, or None when another process does.

    It takes one connection out of the pool for as long as it leads, and keeps no
    transaction open on it. Raises Unavailable.
    """
    async with connect(engine) as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        leads = await try_leader(connection)
        try:
            yield connection if leads else None
        finally:
            if leads and await still_leads(connection):
                await resign(connection)
