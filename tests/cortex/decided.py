"""Decisions on their way into the log, and what it says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard

from cortexsvc.chronicle import PostgresChronicle
from qbrixcore.errors import Unavailable
from qbrixstore.decisions import Decision
from qbrixstore.decisions import Rows
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.choices import ChoiceEvent

ALL = 10_000


async def commit(consumer: RedisStreamConsumer) -> None:
    while (batch := await consumer.read(ALL)).entries:
        await consumer.commit(batch)


async def decisions(engine: AsyncEngine, complete: bool = False) -> list[Decision]:
    async with system_session(engine) as session:
        found = DecisionLog(session).decisions("e1", complete)
        return [one async for one in found]


async def length(shard: Shard) -> int:
    return int(await shard.client.execute("XLEN", shard.layout.log(0)))


@asynccontextmanager
async def locked(engine: AsyncEngine, table: str) -> AsyncIterator[None]:
    """Nobody writes to the table meanwhile."""
    async with engine.begin() as connection:
        await connection.execute(text(f"lock table {table} in exclusive mode"))
        yield


def chosen(sequence: int, **fields: Any) -> ChoiceEvent:
    given: dict[str, Any] = {
        "issuer": 9,
        "sequence": sequence,
        "tenant": TENANT,
        "experiment": "e1",
        "generation": 0,
        "arm": 1,
        "version": 4,
        "propensity": 0.25,
        "vector": None,
        "issued_ms": 1_000 + sequence,
        "context_id": f"c{sequence}",
    }
    return ChoiceEvent(**{**given, **fields})


class Dying(PostgresChronicle):
    """Records, and then is no more."""

    async def record(self, table: str, rows: Rows) -> None:
        await super().record(table, rows)
        raise Unavailable("killed")
