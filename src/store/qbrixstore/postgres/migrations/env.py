"""Runs migrations on the connection that qbrixstore.postgres.migrate passes in."""

from __future__ import annotations

from typing import Final

from alembic import context

from qbrixstore.postgres import account_tables
from qbrixstore.postgres import decision_tables
from qbrixstore.postgres import insight_tables
from qbrixstore.postgres.tables import Row

# each adds its own to the metadata
TABLES: Final = (account_tables, decision_tables, insight_tables)

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata
)
with context.begin_transaction():
    context.run_migrations()
