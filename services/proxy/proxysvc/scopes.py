"""What a credential may do: one scope a kind of call."""

from __future__ import annotations

from typing import Final

from qbrixcore.errors import InsufficientScopes
from qbrixstore.postgres.access import SYSTEM_ADMIN
from qbrixstore.postgres.principal import Principal

POOL_READ: Final = "pool:read"
POOL_WRITE: Final = "pool:write"
POOL_DELETE: Final = "pool:delete"
EXPERIMENT_READ: Final = "experiment:read"
EXPERIMENT_WRITE: Final = "experiment:write"
EXPERIMENT_DELETE: Final = "experiment:delete"
AGENT_READ: Final = "agent:read"
AGENT_WRITE: Final = "agent:write"
GATE_READ: Final = "gate:read"
GATE_WRITE: Final = "gate:write"
USER_READ: Final = "user:read"
USER_WRITE: Final = "user:write"
USER_DELETE: Final = "user:delete"
AUDIT_READ: Final = "audit:read"
METRIC_READ: Final = "metric:read"


def require(principal: Principal, scope: str) -> None:
    """Raises InsufficientScopes unless the principal holds the scope."""
    if scope not in principal.scopes and SYSTEM_ADMIN not in principal.scopes:
        raise InsufficientScopes(f"this needs the scope {scope}", scope=scope)


def require_all(principal: Principal, wanted: frozenset[str]) -> None:
    """Raises InsufficientScopes for what the principal could not do itself.

    Nobody hands out, or takes over, more than they hold.
    """
    missing = wanted - principal.scopes
    if missing and SYSTEM_ADMIN not in principal.scopes:
        shown = ", ".join(sorted(missing))
        raise InsufficientScopes(
            f"this needs the scopes {shown}", scopes=sorted(missing)
        )


def require_operator(principal: Principal) -> None:
    """Raises InsufficientScopes unless the principal runs the whole system."""
    require(principal, SYSTEM_ADMIN)
