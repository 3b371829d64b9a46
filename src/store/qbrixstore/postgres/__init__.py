"""The Postgres store: what must survive Redis, spoken in core objects.

Migrations are imported on their own: most processes need none, nor their libraries.
"""

from __future__ import annotations

from qbrixstore.postgres.config import Limits
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.engine import get_session
from qbrixstore.postgres.engine import init_db
from qbrixstore.postgres.engine import system_session

__all__ = [
    "Limits",
    "PostgresSettings",
    "get_session",
    "init_db",
    "system_session",
]
