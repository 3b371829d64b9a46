"""Rows of rewards as one stream would bring them, one a number."""

from __future__ import annotations

from cortexsvc.rows import logged
from qbrixstore.decisions import REWARDS
from qbrixstore.decisions import Rows
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.event import encode

SOURCE = "1.1.ab.0"
NOON_MS = 1_763_769_600_000  # milliseconds since 1970
PER_ENTRY = 5


def entry(number: int) -> Entry:
    """Of five rewards."""
    first = PER_ENTRY * number
    events = [
        encode(
            FeedbackEvent(
                issuer=7,
                sequence=sequence,
                tenant="t1",
                experiment=f"e{sequence % 2}",
                generation=0,
                arm=0,
                reward=sequence / 8,
                issued_ms=NOON_MS + sequence,
            )
        )
        for sequence in range(first, first + PER_ENTRY)
    ]
    return Entry(f"{NOON_MS + 100 * number}-0", events)


def rows(start: int, stop: int, source: str = SOURCE) -> Rows:
    """Of the entries from one number to another."""
    return logged(source, [entry(number) for number in range(start, stop)])[REWARDS]
