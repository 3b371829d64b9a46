"""Tables of the decision log, partitioned by day; rows outlive their experiment."""

from __future__ import annotations

from datetime import date
from typing import Any
from typing import Final

from sqlalchemy import BigInteger
from sqlalchemy import Integer
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from qbrixstore.postgres.tables import ID
from qbrixstore.postgres.tables import Row

SOURCE: Final = String(64)
TOKEN: Final = String(64)
_BY_DAY: Final[dict[str, Any]] = {"postgresql_partition_by": "RANGE (day)"}


class DecisionSelectionRow(Row):
    """A selection, keyed by its place in the stream it came through."""

    __tablename__ = "decision_selection"
    __table_args__ = _BY_DAY

    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(SOURCE, primary_key=True)
    entry_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    token_id: Mapped[str] = mapped_column(TOKEN)
    generation: Mapped[int] = mapped_column(BigInteger)
    arm_index: Mapped[int] = mapped_column(Integer)
    propensity: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    issued_ms: Mapped[int] = mapped_column(BigInteger)
    param_version: Mapped[int | None] = mapped_column(BigInteger)
    context_id: Mapped[str]


class DecisionRewardRow(Row):
    """A reward, keyed by its place in the feedback log."""

    __tablename__ = "decision_reward"
    __table_args__ = _BY_DAY

    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(SOURCE, primary_key=True)
    entry_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    token_id: Mapped[str] = mapped_column(TOKEN)
    generation: Mapped[int] = mapped_column(BigInteger)
    arm_index: Mapped[int] = mapped_column(Integer)
    propensity: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    issued_ms: Mapped[int] = mapped_column(BigInteger)
    reward: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    received_ms: Mapped[int] = mapped_column(BigInteger)
