"""Where the Redis server is and how long it may take to answer."""

from __future__ import annotations

import msgspec


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One server. Times are milliseconds; a silent server is given up after them."""

    host: str = "127.0.0.1"
    port: int = 6379
    password: str = ""
    timeout_ms: int = 1_000
    connect_timeout_ms: int = 500
    max_connections: int = 16

    def __repr__(self) -> str:
        return f"RedisSettings({self.host}:{self.port})"
