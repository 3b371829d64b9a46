"""How to reach Postgres."""

from __future__ import annotations

import msgspec


class PostgresSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Address, account and database of a Postgres server."""

    host: str = "localhost"
    port: int = 5432
    user: str = "qbrix"
    password: str = ""
    database: str = "qbrix"
    sslmode: str = "prefer"

    def __repr__(self) -> str:
        return f"PostgresSettings({self.user}@{self.host}:{self.port}/{self.database})"
