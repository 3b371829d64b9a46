"""Loopback ports: finding a free one, and probing whether one is taken."""

from __future__ import annotations

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """Port that nobody listened on a moment ago."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether a server could have the port for itself.

    The probe is exclusive: it sets no SO_REUSEPORT, so that a listener which shares its
    port counts as taken.
    """
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        # without it a port in TIME_WAIT, free for every server, would look taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
