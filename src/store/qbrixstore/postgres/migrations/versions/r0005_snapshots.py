"""Snapshots of params, and which generation of them an experiment is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.String(32)
_MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    generation = sa.Column(
        "generation", sa.BigInteger(), server_default=sa.text("0"), nullable=False
    )
    op.add_column("experiment", generation)
    restored = sa.Column("restored_version", sa.BigInteger(), nullable=True)
    op.add_column("experiment", restored)
    numbers = ("version", "generation", "updates", "learned_through_ms")
    op.create_table(
        "param_snapshot",
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            _MOMENT,
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "experiment_id", "version", name="pk_param_snapshot"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiment.tenant_id", "experiment.id"],
            name="fk_param_snapshot_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("param_snapshot")
    op.drop_column("experiment", "restored_version")
    op.drop_column("experiment", "generation")
