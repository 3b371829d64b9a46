"""What the repositories hand out beside core objects."""

from __future__ import annotations

from datetime import datetime

import msgspec

from qbrixcore.experiment import Experiment
from qbrixcore.pool import Pool


class PoolRecord(msgspec.Struct, frozen=True, kw_only=True):
    pool: Pool
    created_at: datetime
    updated_at: datetime


class ExperimentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment with its pool; ``version`` is that of its definition."""

    experiment: Experiment
    version: int
    created_at: datetime
    updated_at: datetime


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    plan: str
    created_at: datetime


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    tenant_id: str
    email: str
    role: str
    is_active: bool
    created_at: datetime
    updated_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user as the login sees it. The hash never shows in the repr."""

    user: User
    plan: str
    password_hash: str

    def __repr__(self) -> str:
        return f"Account(user={self.user!r}, plan={self.plan!r})"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret. Without ``scopes`` it follows its owner's role."""

    id: str
    user_id: str
    name: str
    scopes: frozenset[str] | None
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an experiment that Redis may not have seen."""

    id: int
    tenant_id: str
    experiment_id: str
    version: int
    created_at: datetime
