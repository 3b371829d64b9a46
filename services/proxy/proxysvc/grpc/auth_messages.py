"""Users, API keys, roles and plans as protobuf messages and numbers."""

from __future__ import annotations

from typing import Final

from proxysvc.accounts.keys import ShownKey
from proxysvc.accounts.users import Member
from qbrixcore.errors import Invalid
from qbrixproto import auth_pb2 as auth

_ROLES: Final = {
    "admin": "ROLE_ADMIN",
    "member": "ROLE_MEMBER",
    "viewer": "ROLE_VIEWER",
}
_PLANS: Final = {
    "free": "PLAN_TIER_FREE",
    "pro": "PLAN_TIER_PRO",
    "enterprise": "PLAN_TIER_ENTERPRISE",
    "self-hosted": "PLAN_TIER_SELF_HOSTED",
}


def user(member: Member) -> auth.User:
    """A user; times are epoch seconds."""
    shown, plan = member
    return auth.User(
        id=shown.id,
        email=shown.email,
        plan_tier=_PLANS.get(plan, "PLAN_TIER_UNSPECIFIED"),
        role=_ROLES.get(shown.role, "ROLE_UNSPECIFIED"),
        created_at=shown.created_at.timestamp(),
        updated_at=shown.updated_at.timestamp(),
        is_active=shown.is_active,
    )


def api_key(shown: ShownKey) -> auth.APIKey:
    """A key without its secret; a rate of 0 is no bound."""
    key = shown.key
    message = auth.APIKey(
        id=key.id,
        user_id=key.user_id,
        name=key.name,
        rate_limit_per_minute=shown.rate,
        scopes=shown.scopes,
        created_at=key.created_at.timestamp(),
        is_active=key.is_active,
    )
    if key.last_used_at is not None:
        message.last_used_at = key.last_used_at.timestamp()
    return message


def role_name(number: int) -> str:
    """Raises Invalid for a number that is not a role's."""
    for name, label in _ROLES.items():
        if auth.Role.Value(label) == number:
            return name
    raise Invalid(f"{number} is not a role")


def plan_name(number: int) -> str:
    """Raises Invalid for a number that is not a plan's."""
    for name, label in _PLANS.items():
        if auth.PlanTier.Value(label) == number:
            return name
    raise Invalid(f"{number} is not a plan")
