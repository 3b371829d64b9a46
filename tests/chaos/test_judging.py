"""A judge that is told of a loss says so."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from chaos.experiments import ARMS
from chaos.experiments import COUNT
from chaos.experiments import KINDS
from chaos.experiments import Subject
from chaos.folding import Fold
from chaos.history import Entry
from chaos.history import History
from chaos.journal import Journal
from chaos.judging import Finding
from chaos.judging import between
from chaos.judging import judge

from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Stored
from qbrixcore.param.state import BaseParamState
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent

SUBJECT = Subject("e0", COUNT, "id-0", "pool-0")
GONE_BACK_TO = 4


def reward(arm: int, generation: int = 0, reward: float = 1.0) -> FeedbackEvent:
    return FeedbackEvent(
        issuer=1,
        sequence=0,
        tenant="t",
        experiment=SUBJECT.id,
        generation=generation,
        arm=arm,
        reward=reward,
    )


def control(generation: int, restored: int | None = None) -> ControlEvent:
    return ControlEvent(
        tenant="t",
        experiment=SUBJECT.id,
        version=1 + generation,
        generation=generation,
        restored=restored,
        num_arms=ARMS,
        hyper={},
    )


def logged(*events: FeedbackEvent | ControlEvent) -> History:
    entries = [Entry((1, place), event) for place, event in enumerate(events)]
    # the version was reached with the second event
    return History({SUBJECT.id: entries}, {(SUBJECT.id, GONE_BACK_TO): (1, 1)}, 0)


def sent(*events: FeedbackEvent | ControlEvent) -> Journal:
    journal = Journal()
    for event in events:
        if isinstance(event, FeedbackEvent):
            place = (event.experiment, event.generation, event.arm)
            for counted in (journal.chosen, journal.sent, journal.acknowledged):
                counted[place] += 1
    return journal


def knowing(history: History) -> Stored:
    kind = KINDS[SUBJECT.kind]
    fold = Fold(kind.policy, kind.params, ARMS)
    fold.run(history, SUBJECT.id)
    header = Header(policy=kind.policy, num_arms=ARMS, generation=fold.generation)
    return Stored(header, fold.state)


def changed(stored: Stored, **arrays: object) -> Stored:
    state: BaseParamState = msgspec.structs.replace(stored.state, **arrays)
    return Stored(stored.header, state)


EVENTS = (reward(0), reward(1), control(1), reward(2), reward(2, 1), reward(2, 1, 0.0))


def found(stored: Stored, journal: Journal) -> Finding:
    return judge(SUBJECT, stored, journal, logged(*EVENTS))


def test_what_is_as_it_should_be_has_no_fault() -> None:
    finding = found(knowing(logged(*EVENTS)), sent(*EVENTS))
    assert finding.faults == []
    assert (finding.generation, finding.tokens, finding.late) == (1, 2, 1)


def test_a_rollback_counts_what_was_gone_back_to() -> None:
    events = (*EVENTS[:2], reward(2), control(1, GONE_BACK_TO), reward(1, 1))
    stored, journal = knowing(logged(*events)), sent(*events)
    finding = judge(SUBJECT, stored, journal, logged(*events))
    assert finding.faults == []
    assert (finding.base, finding.learned) == (2, 3)
    assert stored.state.pulls.tolist() == [1, 2, 0]


def test_a_token_that_was_not_learned_is_found() -> None:
    stored = knowing(logged(*EVENTS))
    (fault,) = found(stored, sent(*EVENTS, reward(0, 1))).faults
    assert fault == "learned [0, 0, 2], sent [1, 0, 2]"


def test_a_token_that_was_learned_twice_is_found() -> None:
    stored = knowing(logged(*EVENTS, EVENTS[-1]))
    faults = found(stored, sent(*EVENTS)).faults
    assert "learned [0, 0, 3], sent [0, 0, 2]" in faults
    assert "pulls is not what the log comes to" in faults


def test_a_single_bit_is_found() -> None:
    stored = knowing(logged(*EVENTS))
    name, array = next(
        (name, array)
        for name, array in stored.state.arrays().items()
        if array.dtype == np.float64
    )
    other = np.nextafter(array, np.inf)
    (fault,) = found(changed(stored, **{name: other}), sent(*EVENTS)).faults
    assert fault == f"{name} is not what the log comes to"


def test_another_generation_is_found() -> None:
    stored = knowing(logged(*EVENTS))
    header = msgspec.structs.replace(stored.header, generation=2)
    assert found(Stored(header, stored.state), sent(*EVENTS)).faults


@pytest.mark.parametrize(
    ("acknowledged", "tried", "faults"), [(2, 3, 0), (2, 2, 0), (3, 3, 1), (1, 1, 1)]
)
def test_while_rewards_are_open_learned_lies_between(
    acknowledged: int, tried: int, faults: int
) -> None:
    journal = Journal()
    place = (SUBJECT.id, 1, 2)
    journal.acknowledged[place], journal.sent[place] = acknowledged, tried
    history = logged(*EVENTS)
    assert len(between(SUBJECT, knowing(history), journal, history)) == faults
