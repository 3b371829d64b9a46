"""Folding a group: like the policy itself, minus what it cannot learn from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.cortex.samples import defined
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import random_events

from cortexsvc.folding import fold
from cortexsvc.sorting import Group
from qbrixcore.context import Feedback
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixstore.redis import FeedbackEvent

DIM = 3


def group(events: list[FeedbackEvent]) -> Group:
    """Events that lie on every second row of a batch."""
    return Group(events, list(range(0, 2 * len(events), 2)))


def learn(policy: str, events: list[FeedbackEvent], **params: object) -> Any:
    one = experiment(policy=policy, params=params)
    hyper = find_spec(policy).validate(params)
    return fold(implementation(policy), hyper, defined(one)[1].state, group(events))


def same_bits(one: BaseParamState, other: BaseParamState) -> bool:
    return all(
        array.tobytes() == other.arrays()[name].tobytes()
        for name, array in one.arrays().items()
    )


def vector(*values: float) -> bytes:
    return np.array(values, dtype="<f4").tobytes()


def with_vectors(count: int) -> list[FeedbackEvent]:
    rng = np.random.default_rng(3)
    return [
        event(row, arm=int(rng.integers(3)), vector=vector(*rng.normal(size=DIM)))
        for row in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 500])
def test_equals_the_policys_own_fold(count: int) -> None:
    events = random_events(count)
    folded = learn("BetaTSPolicy", events)
    state = defined(experiment())[1].state
    hyper = find_spec("BetaTSPolicy").validate({})
    direct = implementation("BetaTSPolicy").fold(
        hyper,
        state,
        Feedback.of([one.arm for one in events], [one.reward for one in events]),
    )
    assert same_bits(folded.state, direct)
    assert (folded.learned, folded.refused) == (count, {})


def test_vectors_reach_the_policy_in_order() -> None:
    events = with_vectors(40)
    folded = learn("LinUCBPolicy", events, dim=DIM)
    hyper = find_spec("LinUCBPolicy").validate({"dim": DIM})
    one = experiment(policy="LinUCBPolicy", params={"dim": DIM})
    direct = implementation("LinUCBPolicy").fold(
        hyper,
        defined(one)[1].state,
        Feedback.of(
            [one.arm for one in events],
            [one.reward for one in events],
            vectors=[np.frombuffer(one.vector or b"", "<f4") for one in events],
        ),
    )
    assert same_bits(folded.state, direct)


def test_propensities_reach_the_policy() -> None:
    likely = learn("EXP3Policy", [event(propensity=0.9)])
    unlikely = learn("EXP3Policy", [event(propensity=0.1)])
    assert not same_bits(likely.state, unlikely.state)


BAD = [
    ("BetaTSPolicy", {}, {"arm": 3}, "arm"),
    ("BetaTSPolicy", {}, {"reward": 1.5}, "reward"),
    ("BetaTSPolicy", {}, {"reward": math.nan}, "reward"),
    ("BetaTSPolicy", {}, {"reward": -math.inf}, "reward"),
    ("EXP3Policy", {}, {"propensity": None}, "propensity"),
    ("EXP3Policy", {}, {"propensity": 0.0}, "propensity"),
    ("EXP3Policy", {}, {"propensity": 1.1}, "propensity"),
    ("LinUCBPolicy", {"dim": DIM}, {"vector": None}, "3 features"),
    ("LinUCBPolicy", {"dim": DIM}, {"vector": vector(1, 2)}, "3 features"),
    ("LinUCBPolicy", {"dim": DIM}, {"vector": b"odd"}, "3 features"),
    ("LinUCBPolicy", {"dim": DIM}, {"vector": vector(1, math.nan, 1)}, "finite"),
    ("LinUCBPolicy", {"dim": DIM}, {"reward": math.inf}, "reward"),
]


@pytest.mark.parametrize(("policy", "params", "wrong", "reason"), BAD, ids=str)
def test_what_cannot_be_learned_is_left_out_with_its_reason(
    policy: str, params: dict[str, object], wrong: dict[str, object], reason: str
) -> None:
    fine = {"propensity": 0.5, "vector": vector(1, 2, 3)}
    good = [event(row, arm=row % 3, **fine) for row in range(4)]
    bad = event(9, **{**fine, **wrong})
    folded = learn(policy, [*good[:2], bad, *good[2:]], **params)
    alone = learn(policy, good, **params)
    assert same_bits(folded.state, alone.state)
    assert folded.learned == 4
    assert list(folded.refused) == [4]
    assert reason in folded.refused[4]


def test_nothing_to_learn_leaves_the_state_as_it_is() -> None:
    folded = learn("BetaTSPolicy", [event(arm=7), event(1, reward=2.0)])
    assert folded.learned == 0
    assert sorted(folded.refused) == [0, 2]
    assert same_bits(folded.state, defined(experiment())[1].state)


def test_an_event_that_would_break_the_state_is_refused_alone() -> None:
    huge = vector(3e38, 3e38, 3e38)
    good = with_vectors(4)
    endless = event(9, vector=huge, reward=1.7e308)
    folded = learn("LinUCBPolicy", [*good[:2], endless, *good[2:]], dim=DIM)
    assert all(np.isfinite(a).all() for a in folded.state.arrays().values())
    assert folded.learned + len(folded.refused) == 5
    assert set(folded.refused) <= {4}
