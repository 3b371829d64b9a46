"""How to reach Redis."""

from __future__ import annotations

import msgspec


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Address and password of a Redis-compatible server."""

    host: str = "localhost"
    port: int = 6379
    password: str = ""

    def __repr__(self) -> str:
        return f"RedisSettings({self.host}:{self.port})"
