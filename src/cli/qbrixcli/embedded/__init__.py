"""Real Redis-compatible and Postgres servers, started from wheels on loopback."""

from __future__ import annotations

from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey

__all__ = ["Postgres", "Valkey"]
