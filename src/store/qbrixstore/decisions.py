"""The decision log: what it holds of each event, whatever keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Mapping
from datetime import UTC
from datetime import date
from datetime import datetime
from typing import Any
from typing import Final
from typing import Literal
from typing import NamedTuple
from typing import Protocol

from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.event import LogEvent
from qbrixstore.redis.event import decode_control

SELECTIONS: Final = "decision_selection"
REWARDS: Final = "decision_reward"
CONTROLS: Final = "decision_control"

Kind = Literal["id", "text", "day", "int32", "int64", "float64", "bytes"]
Columns = Mapping[str, Kind]
Rows = list[tuple[Any, ...]]

PLACE: Final[Columns] = {
    "experiment_id": "id",
    "day": "day",
    "source": "id",
    "entry_ms": "int64",
    "entry_number": "int64",
    "place": "int32",
}
_CHOICE: Final[Columns] = {
    **PLACE,
    "tenant_id": "id",
    "token_id": "id",
    "generation": "int64",
    "arm_index": "int32",
    "propensity": "float64",
    "vector": "bytes",
    "issued_ms": "int64",
}
COLUMNS: Final[Mapping[str, Columns]] = {
    SELECTIONS: {**_CHOICE, "param_version": "int64", "context_id": "text"},
    REWARDS: {**_CHOICE, "reward": "float64", "received_ms": "int64"},
    CONTROLS: {**PLACE, "tenant_id": "id", "version": "int64", "event": "bytes"},
}
NULLABLE: Final = frozenset({"propensity", "vector", "param_version"})


class Place(NamedTuple):
    """Where an event stood: the first columns of its row, in their order."""

    experiment_id: str
    day: date
    source: str
    entry_ms: int
    entry_number: int
    place: int


class Decision(NamedTuple):
    """What is known of one selection; the reward is None as long as there is none."""

    token_id: str
    issued_ms: int
    context_id: str | None
    generation: int
    param_version: int | None
    arm_index: int
    propensity: float | None
    reward: float | None
    vector: bytes | None


class Logged(NamedTuple):
    """An event as learning met it: the place in the log, the source, the event."""

    entry_ms: int
    entry_number: int
    place: int
    source: str
    event: LogEvent


class DecisionReader(Protocol):
    """What was recorded of an experiment, whatever keeps it."""

    def decisions(self, experiment_id: str, complete: bool) -> AsyncIterator[Decision]:
        """Selections with their rewards, in the order they were made."""

    def rewards(self, experiment_id: str, generation: int) -> AsyncIterator[Logged]:
        """All of a generation, as they follow each other in the log."""

    async def repeated(self, experiment_id: str, generation: int) -> Counter[str]:
        """How often the tokens of a generation were rewarded that were so again.

        Only dead letters are put into the log again.
        """

    def controls(self, experiment_id: str) -> AsyncIterator[Logged]:
        """What it was to be learned by, in the order of the log."""


def day_of(ms: int) -> date:
    """The day, UTC, of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1_000, UTC).date()


def token_id(issuer: int, sequence: int) -> str:
    """What the log calls a token; nobody can send feedback with it."""
    return f"{issuer:016x}-{sequence:x}"


def logged(row: Mapping[Any, Any], event: LogEvent) -> Logged:
    """An event at the place that its row says."""
    stood = (row["entry_ms"], row["entry_number"], row["place"], row["source"])
    return Logged(*stood, event)


def reward_of(row: Mapping[Any, Any]) -> FeedbackEvent:
    """The event that a row of rewards was made from."""
    issuer, _, sequence = row["token_id"].partition("-")
    return FeedbackEvent(
        issuer=int(issuer, 16),
        sequence=int(sequence, 16),
        tenant=row["tenant_id"],
        experiment=row["experiment_id"],
        generation=row["generation"],
        arm=row["arm_index"],
        reward=row["reward"],
        propensity=row["propensity"],
        vector=row["vector"],
        issued_ms=row["issued_ms"],
        received_ms=row["received_ms"],
    )


def control_of(row: Mapping[Any, Any]) -> ControlEvent:
    """The event that a row of control events holds. Raises InvalidFeedback."""
    return decode_control(row["event"])
