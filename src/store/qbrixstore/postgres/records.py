"""What the repositories hand out beside core objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from typing import NamedTuple

import msgspec

from qbrixcore.experiment import Experiment
from qbrixcore.gate import Gate
from qbrixcore.pool import Pool


class PoolRecord(msgspec.Struct, frozen=True, kw_only=True):
    pool: Pool
    created_at: datetime
    updated_at: datetime


class Window(NamedTuple):
    """How long a reward is awaited, and what is learned if none comes by then."""

    reward_window_sec: int | None = None
    default_reward: float | None = None


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A gate; ``version`` counts its changes."""

    gate: Gate
    version: int
    created_at: datetime
    updated_at: datetime


class ExperimentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment with its pool; ``version`` is that of its definition.

    A learner of an ``auto`` experiment says with ``meta_experiment_id`` of which.
    """

    experiment: Experiment
    version: int
    created_at: datetime
    updated_at: datetime
    gate: GateRecord | None = None
    meta_experiment_id: str | None = None


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
    """A key without its secret. Without ``scopes`` it follows its owner's role.

    ``rate_limit`` are calls a minute, None for as many as the plan allows.
    """

    id: str
    user_id: str
    name: str
    scopes: frozenset[str] | None
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None = None
    rate_limit: int | None = None


class KeyHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A key with what bounds it: its owner's role and its tenant's plan.

    It ``works`` unless it is revoked or expired, or its owner inactive.
    """

    key: ApiKey
    works: bool
    role: str
    plan: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change. Without a key it was made by a person, without a user by the system."""

    id: int
    created_at: datetime
    user_id: str | None
    key_id: str | None
    action: str
    subject_id: str
    changes: dict[str, Any]
    request_id: str | None


class CredentialNews(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials of a user, or without one of a tenant, that mean something else."""

    id: int
    tenant_id: str
    user_id: str | None


class SnapshotRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A kept version of what an experiment learned, from ``updates`` rewards."""

    version: int
    generation: int
    updates: int
    created_at: datetime


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an experiment that Redis may not have seen."""

    id: int
    tenant_id: str
    experiment_id: str
    version: int
    created_at: datetime
