"""Checks of how a policy chooses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixcore.checks.case import ARMS
from qbrixcore.checks.case import Case
from qbrixcore.checks.case import Policy
from qbrixcore.checks.case import snapshot
from qbrixcore.context import InFlight
from qbrixcore.errors import InvalidContext
from qbrixcore.param.state import BaseParamState

DRAWS = 4000
# the 1 - 1e-6 quantiles of chi-square, by degrees of freedom
CHI_SQUARE = {1: 23.93, 2: 27.63, 3: 30.66, 4: 33.38}


def check_chooses_within_range(policy: Policy) -> None:
    """Arms are int64 in [0, K), propensities float64 in (0, 1] or NaN, N of each."""
    case = Case(policy)
    for state in (case.prior, case.learned()):
        for count in (0, 1, 50):
            arms, propensities = case.select(state, case.contexts(count))
            assert arms.shape == propensities.shape == (count,)
            assert arms.dtype == np.int64 and propensities.dtype == np.float64
            assert ((arms >= 0) & (arms < ARMS)).all(), arms
            known = propensities[~np.isnan(propensities)]
            assert ((known > 0) & (known <= 1)).all(), known


def check_chooses_active_arms(policy: Policy) -> None:
    """An inactive arm is never chosen, whichever it is and however good."""
    case = Case(policy)
    for state in (case.prior, case.learned()):
        for mask in range(1, 2**ARMS):
            active = np.array([mask >> k & 1 for k in range(ARMS)], dtype=np.bool_)
            arms, _ = case.select(state, case.contexts(20), active=active)
            assert active[arms].all(), f"chose {arms} of {active}"


def check_select_leaves_inputs_alone(policy: Policy) -> None:
    """Selecting writes to none of its arguments."""
    case = Case(policy)
    state, contexts = case.learned(), case.contexts(20)
    active = np.ones(ARMS, dtype=np.bool_)
    wide = np.ones((ARMS, case.dim, case.dim)) + np.eye(case.dim)
    in_flight = InFlight(np.ones(ARMS), wide if case.dim else None)
    inputs = [*state.arrays().values(), contexts, active, in_flight.counts, wide]
    before = snapshot(*inputs)
    policy.select_many(case.hyper, state, contexts, active, in_flight, case.rng)
    assert snapshot(*inputs) == before, "an argument has changed"


def check_same_seed_same_choices(policy: Policy) -> None:
    """Choices depend on the arguments alone, and the generator is used."""
    case = Case(policy)
    state, contexts = case.prior, case.contexts(50)
    first, again, other = (
        case.select(state, contexts, np.random.default_rng(seed))[0].tolist()
        for seed in (1, 1, 2)
    )
    assert first == again, "the same seed gave other choices"
    assert first != other, "another seed gave the same choices from a blank state"


def check_refuses_contexts_it_cannot_use(policy: Policy) -> None:
    """A wrong width, dtype, mask or non-finite feature is an error."""
    case = Case(policy)
    good, active = case.contexts(2), np.ones(ARMS, dtype=np.bool_)
    wrong: list[tuple[NDArray[Any], NDArray[Any]]] = [
        (good.astype(np.float64), active),
        (good.ravel(), active),
        (good, active[1:]),
        (good, active.astype(np.int64)),
        (good, ~active),
    ]
    if case.dim:
        wrong += [(good[:, 1:], active), (good * np.float32(np.nan), active)]
    for contexts, mask in wrong:
        try:
            case.select(case.prior, contexts, active=mask)
        except InvalidContext:
            continue
        raise AssertionError(f"accepted {contexts!r} with {mask!r}")


def check_prepares_what_it_would_compute(policy: Policy) -> None:
    """What is prepared is a distribution over active arms, and tells the same."""
    case = Case(policy)
    for state in (case.prior, case.learned()):
        for mask in range(1, 2**ARMS):
            active = np.array([mask >> k & 1 for k in range(ARMS)], dtype=np.bool_)
            prepared = case.prepare(state, active)
            if prepared is None:
                continue
            p = prepared.propensities
            assert p.shape == (ARMS,) and p.dtype == np.float64
            assert ((p > 0) == active).all() and abs(p.sum() - 1) < 1e-9, p
            contexts = case.contexts(10)
            with_it, without = (
                case.select(
                    state,
                    contexts,
                    np.random.default_rng(mask),
                    active,
                    given,
                    weigh=True,
                )
                for given in (prepared, None)
            )
            assert active[with_it[0]].all(), f"chose {with_it[0]} of {active}"
            same = with_it[0] == without[0]
            assert prepared.reached is not None or same.all(), "other choices"
            told = with_it[1][same], without[1][same]
            assert np.allclose(*told, rtol=1e-9, atol=0.0), f"{told} of {p}"


def check_chooses_alike_unprepared(policy: Policy) -> None:
    """Arms come up as often as is prepared where nothing prepared is given."""
    case = Case(policy)
    for state in (case.prior, case.opinionated()):
        for mask in (0b11111, 0b10110):
            active = np.array([mask >> k & 1 for k in range(ARMS)], dtype=np.bool_)
            prepared = case.prepare(state, active)
            if prepared is None or prepared.reached is None:
                continue
            arms, _ = case.select(state, case.contexts(DRAWS), active=active)
            said = prepared.propensities
            seen = np.bincount(arms, minlength=ARMS)
            assert not seen[~active].any(), f"chose {seen} of {active}"
            expected = DRAWS * said[active]
            distance = float((np.square(seen[active] - expected) / expected).sum())
            limit = CHI_SQUARE[int(active.sum()) - 1]
            assert distance < limit, f"{seen} of {said}"


def check_propensities_match_frequencies(policy: Policy) -> None:
    """Every choice has a propensity for the asking, and arms come up as often."""
    case = Case(policy)
    for state in (case.prior, case.opinionated()):
        _check_frequencies(_draws(case, state))


def _draws(case: Case, state: BaseParamState) -> list[tuple[int, float]]:
    context, prepared = case.contexts(1), case.prepare(state)
    drawn = []
    for _ in range(DRAWS):
        arms, propensities = case.select(state, context, prepared=prepared, weigh=True)
        drawn.append((int(arms[0]), float(propensities[0])))
    return drawn


def _check_frequencies(drawn: list[tuple[int, float]]) -> None:
    said = dict(drawn)
    assert not any(np.isnan(p) for p in said.values()), "a propensity is missing"
    assert len(set(drawn)) == len(said), "one arm had two propensities"
    total = sum(said.values())
    assert abs(total - 1) < 1e-9 or len(said) < ARMS, f"they sum to {total}"
    counts = {arm: sum(1 for a, _ in drawn if a == arm) for arm in said}
    if len(said) == 1:
        assert total > 0.99, f"the only arm chosen claims {total}"
        return
    distance = sum(
        (counts[arm] - DRAWS * p) ** 2 / (DRAWS * p) for arm, p in said.items()
    )
    assert distance < CHI_SQUARE[len(said) - 1], f"{counts} of {said}"
