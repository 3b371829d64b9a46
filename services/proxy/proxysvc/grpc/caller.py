"""Who makes a gRPC call, and how long they wait for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import grpc

from proxysvc.auth import Authenticator
from proxysvc.auth import presented_key
from qbrixstore.postgres.principal import Principal

Context = grpc.aio.ServicerContext[Any, Any]


async def principal(authenticator: Authenticator, context: Context) -> Principal:
    """Who the metadata ``x-api-key`` (or a bearer token) belongs to.

    Raises Unauthenticated, InvalidApiKey, Overloaded, Unavailable.
    """
    metadata = context.invocation_metadata() or ()
    key = presented_key((_bytes(name), _bytes(value)) for name, value in metadata)
    return authenticator.cached(key) or await authenticator.principal(key)


def time_left(context: Context) -> float | None:
    """Seconds until the caller gives up, None if it never does."""
    left = context.time_remaining()
    return None if left is None else float(left)


def address(context: Context) -> str:
    """The address that a call comes from."""
    kind, _, rest = unquote(context.peer()).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
