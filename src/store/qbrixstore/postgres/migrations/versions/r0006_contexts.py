"""Whom experiments were selected for, as a sketch that says how many they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "experiment_contexts",
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "experiment_id", name="pk_experiment_contexts"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiment.tenant_id", "experiment.id"],
            name="fk_experiment_contexts_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("experiment_contexts")
