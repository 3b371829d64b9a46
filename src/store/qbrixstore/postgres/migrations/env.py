"""Runs migrations on the connection that qbrixstore.postgres.migrate passes in."""

from __future__ import annotations

from alembic import context

from qbrixstore.postgres.tables import Row

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata
)
with context.begin_transaction():
    context.run_migrations()
