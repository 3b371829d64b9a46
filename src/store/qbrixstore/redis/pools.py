"""Pools of connections to one server."""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.connection import CancellableConnection
from qbrixstore.redis.connection import TlsConnection


def pool(settings: RedisSettings, limits: Limits) -> BlockingConnectionPool:
    """Connections to one server, made when they are needed; it never sends twice."""
    tls = settings.context()
    kind = CancellableConnection if tls is None else TlsConnection
    secured: dict[str, Any] = {} if tls is None else {"tls": tls}
    return BlockingConnectionPool(
        connection_class=kind,
        max_connections=limits.connections,
        timeout=None,
        host=settings.host,
        port=settings.port,
        username=settings.user or None,
        password=settings.password or None,
        # the deadline of a call covers all its reads and writes
        socket_timeout=None,
        socket_connect_timeout=limits.connect,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **secured,
    )
