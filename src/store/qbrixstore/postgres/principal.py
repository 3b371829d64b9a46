"""Who makes a request."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a request, and what they may do, for how long.

    ``key_id`` is empty for somebody who logged in. ``rate_limit`` are the calls a
    minute that the key itself may make, None for as many as the plan allows.
    """

    tenant_id: str
    user_id: str
    key_id: str
    role: str
    scopes: frozenset[str]
    plan: str
    expires_at: datetime | None = None
    rate_limit: int | None = None
