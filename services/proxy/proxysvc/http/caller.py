"""Authentication of ordinary REST routes."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from proxysvc.auth import Authenticator
from proxysvc.auth import presented_key
from qbrixstore.postgres.principal import Principal


def authenticate(authenticator: Authenticator) -> Guard:
    """A guard that lets known callers pass, before anything else is looked at."""

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        if connection.scope.get("method") == "OPTIONS":
            # browsers ask which methods there are before they send a key
            return
        key = presented_key(connection.scope["headers"])
        connection.scope["user"] = await authenticator.principal(key)

    return guard


def principal(request: Request[Principal, Any, Any]) -> Principal:
    """Who makes this request, as the guard found out."""
    return request.user
