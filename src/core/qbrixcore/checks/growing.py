"""Checks of what becomes of a state when arms are added."""

from __future__ import annotations

import numpy as np

from qbrixcore.checks.case import ARMS
from qbrixcore.checks.case import Case
from qbrixcore.checks.case import Policy
from qbrixcore.checks.case import snapshot
from qbrixcore.checks.case import state_bits
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import Mask

ADDED = 2
GROWN = ARMS + ADDED
ROUNDS = 400


def check_grows_by_arms(policy: Policy) -> None:
    """Old arms keep what they learned, new ones start without, and all are chosen."""
    case = Case(policy)
    state = case.opinionated()
    inputs = list(state.arrays().values())
    before = snapshot(*inputs)
    grown = policy.grow(case.hyper, state, GROWN)
    assert snapshot(*inputs) == before, "the state itself has changed"
    blank = policy.spec.prior(GROWN, case.hyper).arrays()
    for name, array in grown.arrays().items():
        assert array.shape == blank[name].shape, f"{name} is {array.shape}"
    assert (grown.pulls[:ARMS] == state.pulls).all() and not grown.pulls[ARMS:].any()
    assert state_bits(policy.grow(case.hyper, state, ARMS)) == state_bits(state)
    if policy.spec.category != "baseline":
        old_alone = np.arange(GROWN) < ARMS
        favourite = _favourite(case, state, np.ones(ARMS, dtype=np.bool_))
        assert _favourite(case, grown, old_alone) == favourite, "another arm leads"
    final = _played(case, grown)
    assert final.pulls[ARMS:].all(), f"new arms were not tried: {final.pulls}"


def check_never_shrinks(policy: Policy) -> None:
    """Arms are appended only: fewer of them are an error."""
    case = Case(policy)
    try:
        policy.grow(case.hyper, case.prior, ARMS - 1)
    except ValueError:
        return
    raise AssertionError("a state lost an arm")


def _select(
    case: Case,
    state: BaseParamState,
    active: Mask,
) -> Feedback:
    """One choice, its reward still missing."""
    contexts = np.ones((1, case.dim), dtype=np.float32)
    none, rng = InFlight.none(active.size), case.rng
    arms, p = case.policy.select_many(
        case.hyper, state, contexts, active, none, rng, weigh=True
    )
    return Feedback(arms, np.zeros(1), p, contexts)


def _favourite(
    case: Case,
    state: BaseParamState,
    active: Mask,
) -> int:
    chosen = [int(_select(case, state, active).arms[0]) for _ in range(ROUNDS)]
    return int(np.bincount(chosen).argmax())


def _played(case: Case, state: BaseParamState) -> BaseParamState:
    active = np.ones(state.num_arms, dtype=np.bool_)
    for _ in range(ROUNDS):
        choice = _select(case, state, active)
        choice.rewards[0] = case.rng.integers(0, 2)
        state = case.fold(state, choice)
    return state
