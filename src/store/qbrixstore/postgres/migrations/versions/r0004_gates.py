"""Feature gates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String(32)
_MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "gate",
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rollout_percentage", sa.Float(), nullable=False),
        sa.Column("default_arm_id", _ID, nullable=True),
        sa.Column("schedule_start", _MOMENT, nullable=True),
        sa.Column("schedule_end", _MOMENT, nullable=True),
        sa.Column("active_hours_start", sa.Text(), nullable=True),
        sa.Column("active_hours_end", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", name="pk_gate"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiment.tenant_id", "experiment.id"],
            name="fk_gate_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("gate")


def _now(name: str) -> sa.Column[object]:
    default = sa.text("clock_timestamp()")
    return sa.Column(name, _MOMENT, server_default=default, nullable=False)
