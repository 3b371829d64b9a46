"""Where the Redis servers are, and how long to wait for them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated
from typing import Final
from typing import Literal
from typing import NamedTuple
from typing import Self

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65_535, description="port of Redis")]
Mode = Literal["standalone", "sentinel", "cluster"]
MOST_SHARDS: Final = 1_024
Shards = Annotated[
    int,
    Meta(
        ge=1,
        le=MOST_SHARDS,
        description="shards that an empty store gets; one value for all",
        extra={"env": "CORTEX_SHARDS"},
    ),
]


class Address(NamedTuple):
    """Where one server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``host:port``, an IPv6 host in brackets or bare. Raises ValueError."""
        host, _, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit():
            raise ValueError(text)
        if not 1 <= int(port) <= 65_535:
            raise ValueError(text)
        return cls(host, int(port))


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One server, or the nodes that lead to it. Passwords never show in the repr.

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

    mode: Annotated[
        Mode, Meta(description="one server, the one that sentinels name, or a cluster")
    ] = "standalone"
    nodes: Annotated[
        tuple[str, ...],
        Meta(description="host:port of sentinels, or of some nodes of the cluster"),
    ] = ()
    master: Annotated[
        str, Meta(min_length=1, description="name that the sentinels give the server")
    ] = "mymaster"
    sentinel_password: Annotated[
        str | None, Meta(description="password of the sentinels, if they have one")
    ] = None

    def __post_init__(self) -> None:
        if self.mode == "standalone" and self.nodes:
            raise ValueError("MODE: got 'standalone' while NODES is set, wants another")
        if self.mode != "standalone" and not self.nodes:
            raise ValueError(f"NODES: not set, wants host:port,… with MODE={self.mode}")
        if self.sentinel_password and self.mode != "sentinel":
            raise ValueError("SENTINEL_PASSWORD: set, wants MODE=sentinel")
        _ = self.addresses
        if self.user and not self.password:
            raise ValueError("PASSWORD: not set, wants that of the user in USER")
        if self.tls_ca is not None and not self.tls:
            raise ValueError("TLS: got 'false' while TLS_CA is set, wants true")
        self.context()

    @property
    def addresses(self) -> list[Address]:
        """The nodes. Raises ValueError."""
        found = []
        for node in self.nodes:
            try:
                found.append(Address.parse(node))
            except ValueError:
                raise ValueError(f"NODES: got {node!r}, wants host:port") from None
        return found

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
        place = ",".join(self.nodes) or f"{self.host}:{self.port}"
        return f"RedisSettings({self.mode} {place})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in seconds, and connections that one client opens to a server at most.

    ``reply`` bounds a whole call, whatever it waits for: a connection of the pool, a
    server that is frozen. ``connect`` bounds the making of a connection.
    """

    reply: float = 1.0
    connect: float = 0.5
    connections: int = 16
