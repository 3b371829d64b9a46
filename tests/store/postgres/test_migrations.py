"""From an empty database to the newest schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy import text
from tests.servers import PostgresCluster
from tests.servers import execute

from qbrixcore.errors import Unavailable
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres.migrate import alembic_config
from qbrixstore.postgres.migrate import migrate
from qbrixstore.postgres.migrate import schema_is_current
from qbrixstore.postgres.tables import Row

TABLES = "select tablename from pg_tables where schemaname = 'public'"


@pytest.fixture
def empty(postgres_cluster: PostgresCluster) -> Iterator[PostgresSettings]:
    settings = postgres_cluster.empty()
    yield settings
    postgres_cluster.drop(settings)


async def test_empty_database_reaches_the_schema_of_the_models(
    empty: PostgresSettings,
) -> None:
    engine = init_db(empty)
    assert not await schema_is_current(engine)
    await migrate(empty)
    assert await schema_is_current(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_comparison_sees_a_difference(empty: PostgresSettings) -> None:
    await migrate(empty)
    engine = init_db(empty)
    async with engine.begin() as connection:
        await connection.execute(text("alter table pool drop column updated_at"))
        await connection.execute(text("drop index ix_experiment_tenant_id_pool_id"))
        found = await connection.run_sync(_differences)
    assert {difference[0] for difference in found} == {"add_column", "add_index"}
    await engine.dispose()


async def test_migrating_again_changes_nothing(empty: PostgresSettings) -> None:
    await migrate(empty)
    await execute(empty, "insert into tenant (id, name, plan) values ('t', 't', 'p')")
    await migrate(empty)
    engine = init_db(empty)
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from tenant")) == 1
    await engine.dispose()


async def test_several_may_migrate_at_once(empty: PostgresSettings) -> None:
    await asyncio.gather(*(migrate(empty) for _ in range(4)))
    engine = init_db(empty)
    assert await schema_is_current(engine)
    await engine.dispose()


async def test_schema_can_be_taken_back(empty: PostgresSettings) -> None:
    await migrate(empty)
    engine = init_db(empty)
    async with engine.begin() as connection:
        await connection.run_sync(
            lambda c: command.downgrade(alembic_config(c), "base")
        )
        left = await connection.scalars(text(TABLES))
        assert list(left) == ["alembic_version"]
    await engine.dispose()
    await migrate(empty)


async def test_newer_database_is_refused_in_words(empty: PostgresSettings) -> None:
    await migrate(empty)
    await execute(empty, "update alembic_version set version_num = '9999'")
    engine = init_db(empty)
    assert not await schema_is_current(engine)
    await engine.dispose()
    with pytest.raises(Unavailable, match="use the newer version"):
        await migrate(empty)


async def test_failed_migration_leaves_nothing(empty: PostgresSettings) -> None:
    await execute(empty, "create table outbox (mine int)")
    with pytest.raises(Exception, match="already exists"):
        await migrate(empty)
    engine = init_db(empty)
    assert not await schema_is_current(engine)
    async with engine.connect() as connection:
        assert list(await connection.scalars(text(TABLES))) == ["outbox"]
    await engine.dispose()
    await execute(empty, "drop table outbox")
    await migrate(empty)


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, Row.metadata))
