"""Logins, the audit log, keys that expire, and news about credentials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(32)
_NAME = sa.String(255)
_MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("api_key", sa.Column("expires_at", _MOMENT, nullable=True))
    _create_logins()
    _create_audit()
    op.create_table(
        "credential_news",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=True),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_credential_news"),
    )


def downgrade() -> None:
    for table in ("credential_news", "audit", "refresh_token", "login"):
        op.drop_table(table)
    op.drop_column("api_key", "expires_at")


def _now(name: str) -> sa.Column[object]:
    default = sa.text("clock_timestamp()")
    return sa.Column(name, _MOMENT, server_default=default, nullable=False)


def _create_logins() -> None:
    op.create_table(
        "login",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        _now("created_at"),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_login"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_login_tenant_id_id"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["user.tenant_id", "user.id"],
            name="fk_login_tenant_id_user_id",
        ),
    )
    _index("login", "tenant_id", "user_id")
    op.create_table(
        "refresh_token",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("login_id", _ID, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_token"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "login_id"],
            ["login.tenant_id", "login.id"],
            name="fk_refresh_token_tenant_id_login_id",
            ondelete="CASCADE",
        ),
    )
    _index("refresh_token", "tenant_id", "login_id")


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        _now("created_at"),
        sa.Column("user_id", _ID, nullable=True),
        sa.Column("key_id", _ID, nullable=True),
        sa.Column("action", _NAME, nullable=False),
        sa.Column("subject_id", _ID, nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="fk_audit_tenant_id"
        ),
    )
    _index("audit", "tenant_id", "id")
    _index("audit", "tenant_id", "subject_id", "id")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
