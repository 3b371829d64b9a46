"""What the groups of methods share."""

from __future__ import annotations

from collections.abc import Awaitable

from proxysvc.auth import Authenticator
from proxysvc.grpc.caller import principal
from qbrixstore.postgres.principal import Principal

DEFAULT_LIMIT = 100


class Methods:
    """A group of methods of one service."""

    authenticator: Authenticator

    def caller(self) -> Awaitable[Principal]:
        """Who makes the call. Raises Unauthenticated, InvalidApiKey."""
        return principal(self.authenticator)


def page_limit(limit: int) -> int:
    """The limit asked for; on this wire 0 is the same as saying nothing."""
    return limit or DEFAULT_LIMIT
