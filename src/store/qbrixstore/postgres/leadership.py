"""Which process does what one of them should do: who holds an advisory lock.

A lock saves work, correctness does not hang on it: while a lost connection is not yet
noticed two processes may both lead. Two that relay the outbox claim different rows, two
that roll up counts write the same ones.
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

# "qbrixrly", "qbrixrol" in hexadecimal: numbers that nothing else locks in a database
RELAY: Final = 0x71627269_78726C79
ROLLUPS: Final = 0x71627269_78726F6C
_HELD: Final = text(
    "select exists (select from pg_locks where pid = pg_backend_pid()"
    " and locktype = 'advisory' and classid = :high and objid = :low)"
)


async def try_leader(connection: AsyncConnection, lock: int = RELAY) -> bool:
    """Take the lock for this connection if it is free, without waiting.

    The lock lasts until ``resign`` or the end of the connection, not of a transaction.
    Raises Unavailable.
    """
    return bool(await connection.scalar(select(func.pg_try_advisory_lock(lock))))


async def resign(connection: AsyncConnection, lock: int = RELAY) -> None:
    """Let go of the lock. Raises Unavailable."""
    await connection.scalar(select(func.pg_advisory_unlock(lock)))


async def still_leads(connection: AsyncConnection, lock: int = RELAY) -> bool:
    """Whether the connection holds the lock; one that was lost does not."""
    if connection.invalidated:
        return False
    high, low = divmod(lock, 1 << 32)
    try:
        return bool(await connection.scalar(_HELD, {"high": high, "low": low}))
    except QbrixError:
        return False


@asynccontextmanager
async def leadership(
    engine: AsyncEngine, lock: int = RELAY
) -> AsyncIterator[AsyncConnection | None]:
    """The connection that leads, or None when another process does.

    It takes one connection out of the pool for as long as it leads, and keeps no
    transaction open on it. Raises Unavailable.
    """
    async with connect(engine) as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        leads = await try_leader(connection, lock)
        try:
            yield connection if leads else None
        finally:
            if leads and await still_leads(connection, lock):
                await resign(connection, lock)
