"""Tables of what was counted: by arm and hour, and of contexts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy import Integer
from sqlalchemy import String
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from qbrixstore.postgres.tables import ID
from qbrixstore.postgres.tables import Row
from qbrixstore.postgres.tables import gone_with_experiment


class ArmHourRow(Row):
    """Counts of an arm within an hour, absolute, as of a revision of their source.

    Counts of several sources add up.
    """

    __tablename__ = "arm_hour"
    __table_args__ = (gone_with_experiment(),)

    tenant_id: Mapped[str] = mapped_column(ID, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    arm_index: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    selections: Mapped[int] = mapped_column(BigInteger)
    defaults: Mapped[int] = mapped_column(BigInteger)
    feedback: Mapped[int] = mapped_column(BigInteger)
    reward_sum: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    reward_min: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    reward_max: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    first_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_ms: Mapped[int | None] = mapped_column(BigInteger)


class ExperimentContextsRow(Row):
    """Whom an experiment was selected for: a HyperLogLog as Redis writes it."""

    __tablename__ = "experiment_contexts"
    __table_args__ = (gone_with_experiment(),)

    tenant_id: Mapped[str] = mapped_column(ID, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    sketch: Mapped[bytes]
