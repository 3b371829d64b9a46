"""How long experiments await a reward, and what they learn without one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (("reward_window_sec", sa.Integer), ("default_reward", sa.Float)):
        op.add_column("experiment", sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    for name in ("default_reward", "reward_window_sec"):
        op.drop_column("experiment", name)
