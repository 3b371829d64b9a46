"""What was counted, by arm and hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(32)
_MOMENT = postgresql.TIMESTAMP(timezone=True)
_DOUBLE: sa.Double[float] = sa.Double()


def upgrade() -> None:
    counts = ("revision", "selections", "defaults", "feedback")
    op.create_table(
        "arm_hour",
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("arm_index", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counts),
        sa.Column("reward_sum", _DOUBLE, nullable=False),
        sa.Column("reward_min", _DOUBLE, nullable=True),
        sa.Column("reward_max", _DOUBLE, nullable=True),
        sa.Column("first_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "experiment_id",
            "hour",
            "arm_index",
            "source",
            name="pk_arm_hour",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiment.tenant_id", "experiment.id"],
            name="fk_arm_hour_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("arm_hour")
