"""Pools of connections to one server."""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.connection import CancellableConnection
from qbrixstore.redis.connection import TlsConnection


def pool(
    settings: RedisSettings, limits: Limits, **more: Any
) -> BlockingConnectionPool:
    """Connections to one server, made when they are needed; it never sends twice.

    ``more`` are options of the connections, ``connection_class`` is theirs.
    """
    tls = settings.context()
    options: dict[str, Any] = {
        "connection_class": CancellableConnection,
        "host": settings.host,
        "port": settings.port,
        "username": settings.user or None,
        "password": settings.password or None,
        # the deadline of a call covers all its reads and writes
        "socket_timeout": None,
        "socket_connect_timeout": limits.connect,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if tls is not None:
        options |= {"connection_class": TlsConnection, "tls": tls}
    return BlockingConnectionPool(
        max_connections=limits.connections, timeout=None, **{**options, **more}
    )


def commander(connections: BlockingConnectionPool) -> Any:
    """What sends commands; replies stay as the parser made them: lists and bytes."""
    redis: Any = Redis(connection_pool=connections)
    redis.response_callbacks.clear()
    return redis
