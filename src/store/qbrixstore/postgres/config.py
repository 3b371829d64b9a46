"""Where Postgres is, and how long to wait for it."""

from __future__ import annotations

from typing import Annotated
from typing import Literal

import msgspec

SSLMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class PostgresSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One database. The password never shows in the repr."""

    host: Annotated[str, msgspec.Meta(description="host of Postgres")] = "127.0.0.1"
    port: Annotated[
        int, msgspec.Meta(ge=1, le=65_535, description="port of Postgres")
    ] = 5432
    user: Annotated[str, msgspec.Meta(description="user of Postgres")] = "qbrix"
    password: Annotated[str, msgspec.Meta(description="password of that user")] = ""
    database: Annotated[str, msgspec.Meta(description="database in Postgres")] = "qbrix"
    sslmode: Annotated[
        SSLMode,
        msgspec.Meta(
            description="TLS to Postgres; verify-* trusts the system's authorities"
        ),
    ] = "prefer"

    @property
    def place(self) -> str:
        """The database as a log line may name it."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    def __repr__(self) -> str:
        return f"PostgresSettings({self.place} sslmode={self.sslmode})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in seconds, shorter than the five a client waits for its answer.

    ``reply`` is the client's own patience and catches a server that is frozen;
    ``statement``, ``lock`` and ``idle_transaction`` are kept by the server; 0 is no
    bound.
    """

    connections: int = 5
    spare_connections: int = 10
    pool_wait: float = 2.0
    connect: float = 2.0
    statement: float = 2.5
    lock: float = 2.0
    reply: float = 3.0
    idle_transaction: float = 30.0
