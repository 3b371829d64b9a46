"""Runs migrations on the connection that qbrixstore.postgres.migrate passes in."""

from __future__ import annotations

from alembic import context

from qbrixstore.postgres.account_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA
)
with context.begin_transaction():
    context.run_migrations()
