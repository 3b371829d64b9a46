"""Bringing a database to the schema of this version."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import Unavailable
from qbrixstore.postgres.config import Limits
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.engine import connect
from qbrixstore.postgres.engine import without_pool

# it tells at each start which dialect it talks to
logging.getLogger("alembic").setLevel(logging.WARNING)

_SCRIPTS: Final = Path(__file__).parent / "migrations"
# "qbrixmig" in hexadecimal: any number that nothing else locks in this database
_MIGRATION: Final = 0x71627269_786D6967
# a migration may take as long as it needs; only waiting is bounded
_PATIENT: Final = Limits(
    connect=10.0, statement=0, reply=0, idle_transaction=0, lock=60.0
)


async def migrate(settings: PostgresSettings) -> None:
    """Upgrade the database to the newest schema; does nothing if it has that.

    Several at once wait for each other. A failing migration leaves no half.
    Raises Unavailable, also if the database is of a newer version than this program.
    """
    engine = without_pool(settings, _PATIENT)
    try:
        async with connect(engine) as connection:
            # held until the connection ends, however that comes about
            await connection.scalar(select(func.pg_advisory_lock(_MIGRATION)))
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


async def schema_is_current(engine: AsyncEngine) -> bool:
    """Whether the database has exactly the schema of this version.

    Raises Unavailable.
    """
    async with connect(engine) as connection:
        return await connection.run_sync(_is_current)


def _upgrade(connection: Connection) -> None:
    config = alembic_config(connection)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        known = ScriptDirectory.from_config(config).get_heads()
        raise Unavailable(
            f"the database has a schema that this version does not know"
            f" (newest known: {', '.join(known)}): use the newer version of qbrix"
        ) from error


def _is_current(connection: Connection) -> bool:
    has = MigrationContext.configure(connection).get_current_heads()
    newest = ScriptDirectory.from_config(alembic_config(connection)).get_heads()
    return set(has) == set(newest)


def alembic_config(connection: Connection) -> Config:
    """What alembic's commands need, to run on this connection."""
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
