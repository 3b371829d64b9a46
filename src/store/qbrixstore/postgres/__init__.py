"""The Postgres store: what must survive Redis, spoken in core objects."""

from __future__ import annotations

from qbrixstore.postgres.config import Limits
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.engine import get_session
from qbrixstore.postgres.engine import init_db
from qbrixstore.postgres.engine import system_session
from qbrixstore.postgres.migrate import migrate
from qbrixstore.postgres.migrate import schema_is_current

__all__ = [
    "Limits",
    "PostgresSettings",
    "get_session",
    "init_db",
    "migrate",
    "schema_is_current",
    "system_session",
]
