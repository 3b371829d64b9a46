"""Where the Redis server is, and how long to wait for it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65_535, description="port of Redis")]


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One server. The password never shows in the repr."""

    host: Annotated[str, Meta(description="host of Redis")] = "127.0.0.1"
    port: Port = 6379
    password: Annotated[str, Meta(description="password of Redis")] = ""

    def __repr__(self) -> str:
        return f"RedisSettings({self.host}:{self.port})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in seconds, and connections that one client opens at most.

    ``reply`` bounds a whole call, whatever it waits for: a connection of the pool, a
    server that is frozen. ``connect`` bounds the making of a connection.
    """

    reply: float = 1.0
    connect: float = 0.5
    connections: int = 16
