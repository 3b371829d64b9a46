"""Entries of the streams as rows of the decision log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Final

from qbrixstore.decisions import CONTROLS
from qbrixstore.decisions import REWARDS
from qbrixstore.decisions import SELECTIONS
from qbrixstore.decisions import Place
from qbrixstore.decisions import Rows
from qbrixstore.decisions import day_of
from qbrixstore.decisions import token_id
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.batch import order
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.choices import decode_choices
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.event import encode

LONGEST_NAMES: Final = 64  # characters of tenant and experiment

ByTable = dict[str, Rows]


def logged(source: str, entries: Sequence[Entry]) -> ByTable:
    """What the feedback log holds: rewards, and what is to be learned how."""
    rows: ByTable = {REWARDS: [], CONTROLS: []}
    for entry in entries:
        for number, event in enumerate(decode_many(entry.events)):
            # what is undecodable is a dead letter
            if isinstance(event, FeedbackEvent):
                if _holds(event):
                    choice = _choice(source, entry, number, event)
                    rows[REWARDS].append((*choice, event.reward, event.received_ms))
            elif isinstance(event, ControlEvent) and _fits(event, event.version):
                place = _place(source, entry, number, event.experiment)
                said = (event.tenant, event.version, encode(event))
                rows[CONTROLS].append((*place, *said))
    return rows


def chosen(source: str, entries: Sequence[Entry]) -> ByTable:
    """What the stream of selections holds."""
    rows: Rows = []
    for entry in entries:
        for number, event in enumerate(decode_choices(entry.events)):
            if event is not None and _holds(event):
                choice = _choice(source, entry, number, event)
                rows.append((*choice, event.version, event.context_id))
    return {SELECTIONS: rows}


def _choice(
    source: str, entry: Entry, number: int, event: FeedbackEvent | ChoiceEvent
) -> tuple[Any, ...]:
    """What rewards and selections both say of what was chosen."""
    return (
        *_place(source, entry, number, event.experiment),
        event.tenant,
        token_id(event.issuer, event.sequence),
        event.generation,
        event.arm,
        event.propensity,
        event.vector,
        event.issued_ms,
    )


def _place(source: str, entry: Entry, number: int, experiment: str) -> Place:
    ms, sequence = order(entry.id)
    return Place(experiment, day_of(ms), source, ms, sequence, number)


def _holds(event: FeedbackEvent | ChoiceEvent) -> bool:
    # an arm is an integer of 32 bits
    numbers = (event.generation, event.issued_ms, event.sequence, event.arm << 32)
    return _fits(event, *numbers)


def _fits(event: FeedbackEvent | ChoiceEvent | ControlEvent, *numbers: int) -> bool:
    """Whether every log can hold it; what a proxy writes it can."""
    names = event.tenant + event.experiment
    return max(numbers) < 2**63 and len(names) <= LONGEST_NAMES and "\0" not in names
