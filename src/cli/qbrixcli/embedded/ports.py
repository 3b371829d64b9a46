"""Finding a free loopback port."""

from __future__ import annotations

import socket
from collections.abc import Collection


def free_port(host: str = "127.0.0.1") -> int:
    """Port that nobody listened on a moment ago."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int, avoid: Collection[int] = ()) -> list[int]:
    """As many different ones, none of those to avoid."""
    ports: set[int] = set()
    while len(ports) < count:
        ports |= {free_port()} - set(avoid)
    return sorted(ports)
