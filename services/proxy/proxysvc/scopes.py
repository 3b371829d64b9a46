"""What a credential may do: one scope a kind of call."""

from __future__ import annotations

from typing import Final

from qbrixcore.errors import InsufficientScopes
from qbrixstore.postgres.principal import Principal

POOL_READ: Final = "pool:read"
POOL_WRITE: Final = "pool:write"
POOL_DELETE: Final = "pool:delete"
EXPERIMENT_READ: Final = "experiment:read"
EXPERIMENT_WRITE: Final = "experiment:write"
EXPERIMENT_DELETE: Final = "experiment:delete"
AGENT_READ: Final = "agent:read"
AGENT_WRITE: Final = "agent:write"
SYSTEM_ADMIN: Final = "system:admin"


def require(principal: Principal, scope: str) -> None:
    """Raises InsufficientScopes unless the principal holds the scope."""
    if scope not in principal.scopes and SYSTEM_ADMIN not in principal.scopes:
        raise InsufficientScopes(f"this needs the scope {scope}", scope=scope)
