"""The decision log: selections and rewards, by day."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.String(32)
_DOUBLE: sa.Double[float] = sa.Double()


def upgrade() -> None:
    _table(
        "decision_selection",
        sa.Column("param_version", sa.BigInteger(), nullable=True),
        sa.Column("context_id", sa.Text(), nullable=False),
    )
    _table(
        "decision_reward",
        sa.Column("reward", _DOUBLE, nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("decision_reward")
    op.drop_table("decision_selection")


def _table(name: str, *own: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("entry_ms", sa.BigInteger(), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("token_id", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("arm_index", sa.Integer(), nullable=False),
        sa.Column("propensity", _DOUBLE, nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        *own,
        sa.PrimaryKeyConstraint(
            "experiment_id",
            "day",
            "source",
            "entry_ms",
            "entry_number",
            "place",
            name=f"pk_{name}",
        ),
        postgresql_partition_by="RANGE (day)",
    )
