"""Who makes a request."""

from __future__ import annotations

import msgspec


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a request, and what they may do."""

    tenant_id: str
    user_id: str
    key_id: str
    role: str
    scopes: frozenset[str]
    plan: str
