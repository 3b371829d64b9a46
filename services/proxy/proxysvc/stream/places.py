"""Where motors are said to be: names and addresses, as an operator gives them."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class Place(NamedTuple):
    """A host, which may stand for several motors, and the port of each of them."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, port: int) -> Place:
        """``host`` or ``host:port``, IPv6 in brackets or bare. Raises ValueError."""
        host, colon, number = text.strip().rpartition(":")
        bare = not colon or number.endswith("]") or (":" in host and host[0] != "[")
        if bare:
            host = text.strip()
        elif number.isascii() and number.isdigit() and int(number) <= 65_535:
            port = int(number)
        else:
            raise ValueError(text)
        host = host.removeprefix("[").removesuffix("]")
        if not host or "[" in host or "]" in host:
            raise ValueError(text)
        if ":" in host:
            ipaddress.IPv6Address(host)
        return cls(host, port)

    @property
    def address(self) -> str:
        """As a gRPC channel takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Whether it has to be looked up."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return False
