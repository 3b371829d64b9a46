"""The tables. Rows do not leave this package.

Ids are 32 lowercase hex digits. Every foreign key to a tenant's row includes the
tenant, so the database itself refuses a reference across tenants.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from typing import ClassVar

from sqlalchemy import ARRAY
from sqlalchemy import BigInteger
from sqlalchemy import ForeignKey
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy import Identity
from sqlalchemy import Index
from sqlalchemy import Integer
from sqlalchemy import LargeBinary
from sqlalchemy import MetaData
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy import UniqueConstraint
from sqlalchemy import func
from sqlalchemy import text
from sqlalchemy import true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column
from sqlalchemy.orm import relationship

ID = String(32)
NAME = String(255)
MOMENT = TIMESTAMP(timezone=True)
# not the start of the transaction, which rows made together would share
NOW = func.clock_timestamp()


class Row(DeclarativeBase):
    """Any row. What the server fills in is read back at once."""

    __mapper_args__: Any = {"eager_defaults": True}

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: MOMENT,
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


def gone_with_experiment() -> ForeignKeyConstraint:
    """Rows of an experiment, which go when it is deleted."""
    return ForeignKeyConstraint(
        ["tenant_id", "experiment_id"],
        ["experiment.tenant_id", "experiment.id"],
        ondelete="CASCADE",
    )


class TenantRow(Row):
    """Whose things are whose."""

    __tablename__ = "tenant"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    plan: Mapped[str] = mapped_column(NAME)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class UserRow(Row):
    """A person who logs in. Addresses are stored in lower case."""

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("email"),
        UniqueConstraint("tenant_id", "id"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID, ForeignKey("tenant.id"))
    email: Mapped[str] = mapped_column(String(320))
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(NAME)
    is_active: Mapped[bool] = mapped_column(server_default=true())
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class ApiKeyRow(Row):
    """A key, of which only the SHA-256 is known.

    Scopes are null to follow the role, the limit of calls a minute that of the plan.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("digest"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["user.tenant_id", "user.id"]),
        Index(None, "tenant_id", "user_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    user_id: Mapped[str] = mapped_column(ID)
    name: Mapped[str] = mapped_column(NAME)
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    is_active: Mapped[bool] = mapped_column(server_default=true())
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    rate_limit: Mapped[int | None]


class PoolRow(Row):
    """A pool of arms."""

    __tablename__ = "pool"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        UniqueConstraint("tenant_id", "id"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID, ForeignKey("tenant.id"))
    name: Mapped[str] = mapped_column(NAME)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)

    arms: Mapped[list[ArmRow]] = relationship(
        viewonly=True, lazy="raise", order_by="ArmRow.index"
    )


class ArmRow(Row):
    """One arm. Its index is its position in the pool, never reused."""

    __tablename__ = "arm"
    __table_args__ = (
        UniqueConstraint("tenant_id", "pool_id", "index"),
        ForeignKeyConstraint(
            ["tenant_id", "pool_id"],
            ["pool.tenant_id", "pool.id"],
            ondelete="CASCADE",
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    pool_id: Mapped[str] = mapped_column(ID)
    index: Mapped[int] = mapped_column(Integer)
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=true())
    described: Mapped[dict[str, Any]] = mapped_column("metadata")


class ExperimentRow(Row):
    """An experiment. ``version`` grows with every change of it or of its pool."""

    __tablename__ = "experiment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(
            ["tenant_id", "pool_id"],
            ["pool.tenant_id", "pool.id"],
            ondelete="RESTRICT",
        ),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "pool_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID, ForeignKey("tenant.id"))
    pool_id: Mapped[str] = mapped_column(ID)
    name: Mapped[str] = mapped_column(NAME)
    policy: Mapped[str] = mapped_column(NAME)
    policy_params: Mapped[dict[str, Any]]
    enabled: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    restored_version: Mapped[int | None] = mapped_column(BigInteger)
    reward_window_sec: Mapped[int | None]
    default_reward: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)

    pool: Mapped[PoolRow] = relationship(viewonly=True, lazy="raise")
    gate: Mapped[GateRow | None] = relationship(viewonly=True, lazy="raise")


class GateRow(Row):
    """The gate of an experiment. ``version`` grows with every change of the gate."""

    __tablename__ = "gate"
    __table_args__ = (gone_with_experiment(),)

    tenant_id: Mapped[str] = mapped_column(ID, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    enabled: Mapped[bool]
    rollout_percentage: Mapped[float]
    default_arm_id: Mapped[str | None] = mapped_column(ID)
    schedule_start: Mapped[datetime | None]
    schedule_end: Mapped[datetime | None]
    active_hours_start: Mapped[str | None]
    active_hours_end: Mapped[str | None]
    timezone: Mapped[str]
    rules: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class ParamSnapshotRow(Row):
    """Params of an experiment as they were at a version, with their header."""

    __tablename__ = "param_snapshot"
    __table_args__ = (gone_with_experiment(),)

    tenant_id: Mapped[str] = mapped_column(ID, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    updates: Mapped[int] = mapped_column(BigInteger)
    learned_through_ms: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class OutboxRow(Row):
    """An experiment of which Redis may be behind; the version is what it should see."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    experiment_id: Mapped[str] = mapped_column(ID)
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
