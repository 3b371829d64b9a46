"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(32)
_NAME = sa.String(255)
_MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("plan", _NAME, nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_tenant"),
    )
    _create_people()
    _create_pools()
    _create_experiments()
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )


def downgrade() -> None:
    for table in ("outbox", "experiment", "arm", "pool", "api_key", "user", "tenant"):
        op.drop_table(table)


def _now(name: str) -> sa.Column[object]:
    default = sa.text("clock_timestamp()")
    return sa.Column(name, _MOMENT, server_default=default, nullable=False)


def _true(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.true(), nullable=False)


def _create_people() -> None:
    op.create_table(
        "user",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", _NAME, nullable=False),
        _true("is_active"),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_user_tenant_id_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_user_tenant_id"),
    )
    _index("user", "tenant_id", "created_at", "id")
    op.create_table(
        "api_key",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=True),
        _true("is_active"),
        _now("created_at"),
        sa.Column("last_used_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("digest", name="uq_api_key_digest"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["user.tenant_id", "user.id"],
            name="fk_api_key_tenant_id_user_id",
        ),
    )
    _index("api_key", "tenant_id", "user_id", "created_at", "id")


def _create_pools() -> None:
    op.create_table(
        "pool",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_pool"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_pool_tenant_id_name"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_pool_tenant_id_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_pool_tenant_id"),
    )
    _index("pool", "tenant_id", "created_at", "id")
    op.create_table(
        "arm",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _true("is_active"),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_arm"),
        sa.UniqueConstraint(
            "tenant_id", "pool_id", "index", name="uq_arm_tenant_id_pool_id_index"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pool_id"],
            ["pool.tenant_id", "pool.id"],
            name="fk_arm_tenant_id_pool_id",
            ondelete="CASCADE",
        ),
    )


def _create_experiments() -> None:
    op.create_table(
        "experiment",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("policy", _NAME, nullable=False),
        sa.Column("policy_params", postgresql.JSONB(), nullable=False),
        _true("enabled"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_experiment"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_experiment_tenant_id_name"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_experiment_tenant_id_id"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="fk_experiment_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pool_id"],
            ["pool.tenant_id", "pool.id"],
            name="fk_experiment_tenant_id_pool_id",
            ondelete="RESTRICT",
        ),
    )
    _index("experiment", "tenant_id", "created_at", "id")
    _index("experiment", "tenant_id", "pool_id")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
