"""Who makes a gRPC call, and how long they wait for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import grpc

from proxysvc.auth import Authenticator
from proxysvc.auth import presented_key
from qbrixserving.guard import Metadata
from qbrixserving.guard import metadata
from qbrixstore.postgres.principal import Principal

Context = grpc.aio.ServicerContext[Any, Any]


async def principal(authenticator: Authenticator) -> Principal:
    """Who the metadata ``x-api-key`` (or a bearer token) of this call belongs to.

    Raises Unauthenticated, InvalidApiKey, Overloaded, Unavailable.
    """
    key = _key(metadata())
    return authenticator.cached(key) or await authenticator.principal(key)


def time_left(context: Context) -> float | None:
    """Seconds until the caller gives up, None if it never does."""
    left = context.time_remaining()
    return None if left is None else float(left)


def address(context: Context) -> str:
    """The address that a call comes from."""
    kind, _, rest = unquote(context.peer()).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""


def _key(given: Metadata) -> bytes | None:
    for name, value in given:
        if name == "x-api-key":
            return _bytes(value)
    return presented_key((_bytes(name), _bytes(value)) for name, value in given)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
