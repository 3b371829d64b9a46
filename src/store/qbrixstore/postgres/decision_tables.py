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


class _Placed:
    """The key of every row: the place of its event in the stream it came through."""

    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(SOURCE, primary_key=True)
    entry_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)


class _Choice(_Placed):
    """What selections and rewards both say of what was chosen."""

    token_id: Mapped[str] = mapped_column(TOKEN)
    generation: Mapped[int] = mapped_column(BigInteger)
    arm_index: Mapped[int] = mapped_column(Integer)
    propensity: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    issued_ms: Mapped[int] = mapped_column(BigInteger)


class DecisionSelectionRow(_Choice, Row):
    """A selection."""

    __tablename__ = "decision_selection"
    __table_args__ = _BY_DAY

    param_version: Mapped[int | None] = mapped_column(BigInteger)
    context_id: Mapped[str]


class DecisionRewardRow(_Choice, Row):
    """A reward, of a user or by default."""

    __tablename__ = "decision_reward"
    __table_args__ = _BY_DAY

    reward: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    received_ms: Mapped[int] = mapped_column(BigInteger)


class DecisionControlRow(_Placed, Row):
    """What an experiment is learned by from here on, as the feedback log says it."""

    __tablename__ = "decision_control"
    __table_args__ = _BY_DAY

    version: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[bytes] = mapped_column(LargeBinary)
