"""Roles, scopes and plans, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from qbrixcore.errors import Invalid

DEFAULT_PLAN: Final = "self-hosted"
PLANS: Final = (DEFAULT_PLAN, "free", "pro", "enterprise")

_VIEWER: Final = frozenset(
    {"experiment:read", "pool:read", "agent:read", "gate:read", "metric:read"}
)
_MEMBER: Final = _VIEWER | {
    "experiment:write",
    "experiment:delete",
    "pool:write",
    "pool:delete",
    "agent:write",
    "agent:delete",
    "gate:write",
}
_ADMIN: Final = _MEMBER | {"user:read", "user:write", "user:delete", "audit:read"}

ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"viewer": _VIEWER, "member": _MEMBER, "admin": _ADMIN}
)
SCOPES: Final = _ADMIN  # every scope that a key of a tenant may be given

SYSTEM_ADMIN: Final = "system:admin"  # satisfies any check; no tenant's role has it
OPERATOR: Final = (
    "operator"  # role of those who run the system, not of a tenant's users
)
_GRANTED: Final = {**ROLES, OPERATOR: frozenset({SYSTEM_ADMIN})}


def check_role(role: str) -> None:
    """Raises Invalid for a role that does not exist."""
    if role not in ROLES:
        raise Invalid(f"unknown role: {role}", known=sorted(ROLES))


def check_plan(plan: str) -> None:
    """Raises Invalid for a plan that does not exist."""
    if plan not in PLANS:
        raise Invalid(f"unknown plan: {plan}", known=sorted(PLANS))


def effective(role: str, scopes: frozenset[str] | None) -> frozenset[str]:
    """Scopes of a key: its own, but never more than its owner's role has now."""
    granted = _GRANTED.get(role, frozenset())
    return granted if scopes is None else granted & scopes
