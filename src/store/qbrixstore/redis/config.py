"""Where the Redis servers are, and how long to wait for them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65_535, description="port of Redis")]


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One server. The password never shows in the repr.

    Raises ValueError for a combination that cannot work; the message starts with the
    field in capitals, as the end of its environment variable.
    """

    host: Annotated[str, Meta(description="host of Redis")] = "127.0.0.1"
    port: Port = 6379
    user: Annotated[str, Meta(description="ACL user of Redis")] = ""
    password: Annotated[str, Meta(description="password of Redis")] = ""
    tls: Annotated[bool, Meta(description="speak TLS to Redis")] = False
    tls_ca: Annotated[
        Path | None,
        Meta(description="authorities to trust with Redis, PEM, not the system's"),
    ] = None

    def __post_init__(self) -> None:
        if self.user and not self.password:
            raise ValueError("PASSWORD: not set, wants that of the user in USER")
        if self.tls_ca is not None and not self.tls:
            raise ValueError("TLS: got 'false' while TLS_CA is set, wants true")
        self.context()

    def context(self) -> ssl.SSLContext | None:
        """How to speak TLS, None to speak without. Raises ValueError."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.tls_ca)
        except OSError as error:
            # an ssl error is one as well, and names no file
            reason = getattr(error, "reason", None) or error.strerror or "not PEM"
            reason = str(reason).lower().replace("_", " ")
            raise ValueError(
                f"TLS_CA: got {self.tls_ca}, wants certificates in PEM ({reason})"
            ) from error

    def __repr__(self) -> str:
        return f"RedisSettings({self.host}:{self.port})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in seconds, and connections that one client opens to a server at most.

    ``reply`` bounds a whole call, whatever it waits for: a connection of the pool, a
    server that is frozen. ``connect`` bounds the making of a connection.
    """

    reply: float = 1.0
    connect: float = 0.5
    connections: int = 16
