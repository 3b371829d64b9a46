"""An engine on a database of the module's own, and tenants in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixstore.postgres import Limits
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.tenants import Tenants

# what a busy machine may need is not the subject of these tests
PATIENT = Limits(connect=30, pool_wait=30, statement=60, lock=60, reply=60)


@pytest.fixture
async def engine(postgres_server: PostgresSettings) -> AsyncIterator[AsyncEngine]:
    engine = init_db(postgres_server, PATIENT)
    yield engine
    await engine.dispose()


@pytest.fixture
async def tenant(engine: AsyncEngine) -> str:
    return await new_tenant(engine, "ours")


@pytest.fixture
async def other(engine: AsyncEngine) -> str:
    return await new_tenant(engine, "theirs")


async def new_tenant(engine: AsyncEngine, name: str) -> str:
    async with system_session(engine) as session:
        return (await Tenants(session).add(name)).id
