"""The policy that chooses between policies: its contract, learners and credit."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from qbrixcore.checks import POLICY_CHECKS
from qbrixcore.checks.case import Case
from qbrixcore.checks.case import Check
from qbrixcore.checks.case import Policy
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.errors import InvalidFeedback
from qbrixcore.errors import InvalidParams
from qbrixcore.policy.meta import outlook
from qbrixcore.policy.meta.bandit import MetaBanditPolicy
from qbrixcore.policy.meta.learners import learners
from qbrixcore.policy.registry import find_spec

SPEC = find_spec("auto")
# what the registry's own run of the checks leaves out
VARIANTS: dict[str, dict[str, object]] = {
    "continuous": {"reward_type": "continuous"},
    "context": {"dim": 3},
    "continuous-context": {"reward_type": "continuous", "dim": 3},
}


def variant(example: dict[str, object]) -> Policy:
    spec = msgspec.structs.replace(SPEC, example=example)
    return type("Variant", (MetaBanditPolicy,), {"spec": spec})


@pytest.mark.parametrize("check", POLICY_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("example", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_keeps_the_contract(
    example: dict[str, object], check: Check
) -> None:
    policy = variant(example)
    policy.__doc__ = MetaBanditPolicy.__doc__
    check(policy)


def test_auto_is_another_name_for_it() -> None:
    assert SPEC.name == "MetaBanditPolicy" and SPEC.category == "meta"
    assert find_spec("MetaBanditPolicy") is SPEC


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["beta_ts", "discounted_ts_0.998", "discounted_ts_0.98"]),
        (
            {"reward_type": "continuous"},
            ["gaussian_ts", "gaussian_ts_0.998", "gaussian_ts_0.98"],
        ),
        ({"dim": 4}, ["beta_ts", "lin_ucb", "lin_ucb_0.25"]),
        (
            {"dim": 4, "reward_type": "continuous"},
            ["gaussian_ts", "lin_ucb", "lin_ucb_0.25"],
        ),
    ],
)
def test_candidates_follow_from_the_parameters(
    params: dict[str, object], names: list[str]
) -> None:
    hyper: Any = SPEC.validate(params)
    assert [learner.name for learner in learners(hyper)] == names
    for learner in learners(hyper):
        given = dict(learner.params)
        find_spec(learner.policy).validate(given)


@pytest.mark.parametrize(
    ("params", "dim"),
    [
        ({}, 0),
        ({"dim": 4}, 4),
        ({"dim": 4.0, "use_context": True}, 4),
        ({"context_schema": [{"type": "boolean", "name": "member"}]}, 2),
    ],
)
def test_features_are_read_where_they_are_announced(
    params: dict[str, object], dim: int
) -> None:
    hyper: Any = SPEC.validate(params)
    assert (hyper.dim, hyper.use_context) == (dim, dim > 0)


@pytest.mark.parametrize(
    "params",
    [
        {"use_context": True},
        {"reward_type": "fuzzy"},
        {"dim": 2, "context_schema": [{"type": "boolean", "name": "member"}]},
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(InvalidParams):
        SPEC.validate(params)


@pytest.mark.parametrize(
    ("reward_type", "reward", "fits"),
    [
        ("binary", 0.5, False),
        ("bounded", 0.5, True),
        ("bounded", 1.5, False),
        ("continuous", -7.5, True),
    ],
)
def test_rewards_are_those_of_the_reward_type(
    reward_type: str, reward: float, fits: bool
) -> None:
    hyper = SPEC.validate({"reward_type": reward_type})
    feedback = Feedback.of([0], [reward], [0.5])
    prior: Any = SPEC.prior(2, hyper)
    if fits:
        assert MetaBanditPolicy.fold(hyper, prior, feedback).pulls[0] == 1
    else:
        with pytest.raises(InvalidFeedback, match="reward must be"):
            MetaBanditPolicy.fold(hyper, prior, feedback)


def test_the_outlook_is_renewed_less_often_as_rewards_come_in() -> None:
    assert [outlook.next_update(n) for n in (0, 1, 14, 15)] == [1, 2, 15, 16]
    assert outlook.next_update(16) == 18 and outlook.next_update(17) == 18
    assert outlook.next_update(1_024) == 1_040
    assert outlook.next_update(10**6) == 10**6 + 64
    due, seen = 0, []
    while due < 10_000:
        due = outlook.next_update(due)
        seen.append(due)
    for before in range(10_000):
        assert outlook.next_update(before) in seen


def test_evidence_without_weights_is_what_the_learners_would_have_counted() -> None:
    case = Case(MetaBanditPolicy)
    feedback = case.feedback(64)
    state: Any = case.fold(case.prior, feedback)
    for row, gamma in enumerate((1.0, 0.998, 0.98)):
        gain, weight, square = state.evidence[:, row]
        expected, count = np.zeros(5), np.zeros(5)
        for arm, reward in zip(feedback.arms, feedback.rewards, strict=True):
            expected, count = expected * gamma, count * gamma
            expected[arm] += reward
            count[arm] += 1.0
        assert np.allclose(gain, expected) and np.allclose(weight, count)
        assert (square == weight).all()


def test_a_mask_unlike_the_one_learned_with_is_worked_out_anew() -> None:
    case = Case(MetaBanditPolicy)
    state: Any = case.opinionated()
    active = np.array([True, True, False, False, False])
    found = case.policy.chances(case.hyper, state, case.contexts(1), active)
    assert found is not None
    wins, tries = state.evidence[0, 0], state.evidence[1, 0]
    rng = np.random.default_rng(3)
    draws = rng.beta(1.0 + wins[:2], 1.0 + tries[:2] - wins[:2], (40_000, 2))
    by_hand = float((draws[:, 1] > draws[:, 0]).mean())
    only_plain = msgspec.structs.replace(state, shares=np.array([1.0, 0.0, 0.0]))
    alone = case.policy.chances(case.hyper, only_plain, case.contexts(1), active)
    assert alone is not None and abs(alone[0, 1] - by_hand) < 0.01


def test_an_arm_that_never_comes_any_more_is_not_counted_on() -> None:
    case = Case(MetaBanditPolicy)
    state: Any = case.opinionated()
    assert state.chances[0].argmax() == 4
    kept = np.array([True, True, True, True, False])
    for _ in range(60):
        arms, p = case.select(state, case.contexts(10), active=kept)
        rewards = (case.rng.random(10) < arms / 5).astype(np.float64)
        state = case.fold(state, Feedback(arms, rewards, p, case.contexts(10)))
    assert (state.chances[:, 4] == 0.0).all() and state.chances[0].argmax() == 3
    # and is again, once it came
    state = case.fold(state, Feedback.of([4] * 64, [1.0] * 64, [0.5] * 64))
    assert (state.chances[:, 4] > 0.0).all()


def test_choices_in_flight_widen_the_bounds_of_linear_learners() -> None:
    case = Case(variant({"dim": 3}))
    state: Any = msgspec.structs.replace(
        case.opinionated(), shares=np.array([1e-9, 1.0, 0.0])
    )
    context, active = np.ones((1, 3), dtype=np.float32), np.ones(5, dtype=np.bool_)

    def chosen(in_flight: InFlight) -> int:
        arms, p = case.policy.select_many(
            case.hyper, state, context, active, in_flight, case.rng
        )
        assert p[0] > 0.999
        return int(arms[0])

    first = chosen(InFlight.none(5))
    gram = np.zeros((5, 3, 3))
    gram[first] = 1e6 * np.eye(3)
    assert chosen(InFlight(np.zeros(5), gram)) != first
