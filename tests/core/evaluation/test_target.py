"""Logs, target policies and the reward model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.core.evaluation.world import CHANCES
from tests.core.evaluation.world import FEATURES
from tests.core.evaluation.world import draw

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.errors import Invalid
from qbrixcore.errors import InvalidFeedback
from qbrixcore.evaluation.chances import chances
from qbrixcore.evaluation.log import Log
from qbrixcore.evaluation.reward_model import cross_fitted
from qbrixcore.evaluation.target import always
from qbrixcore.evaluation.target import frequencies
from qbrixcore.evaluation.target import learned
from qbrixcore.evaluation.target import uniform
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

ROWS = 6
DRAWS = 3000


@pytest.mark.parametrize("name", SPECS)
def test_chances_are_how_often_each_arm_is_chosen(name: str) -> None:
    spec, policy = find_spec(name), implementation(name)
    hyper = spec.validate(dict(spec.example))
    dim, rng = spec.dim(hyper), np.random.default_rng(4)
    past = Feedback.of(
        rng.integers(0, 4, 40),
        rng.integers(0, 2, 40).astype(np.float64),
        np.full(40, 0.25),
        rng.standard_normal((40, dim)),
    )
    state = policy.fold(hyper, spec.prior(4, hyper), past)
    contexts = rng.standard_normal((ROWS, dim)).astype(np.float32)
    contexts[-1] = contexts[0]
    found = chances(policy, hyper, state, contexts, rng)
    assert found.shape == (ROWS, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_array_equal(found[0], found[-1])
    active, none = np.ones(4, dtype=np.bool_), InFlight.none(4)
    for row in range(2):
        counts = np.zeros(4)
        for _ in range(DRAWS):
            one = contexts[row : row + 1]
            arms, _ = policy.select_many(hyper, state, one, active, none, rng)
            counts[arms[0]] += 1
        error = np.sqrt(found[row] * (1 - found[row]) / DRAWS) + 1e-3
        assert np.all(np.abs(counts / DRAWS - found[row]) < 5 * error)


def test_a_policy_learns_the_past_and_not_the_log() -> None:
    past, log = draw(1, 800).log, draw(2, 200).log
    spec = find_spec("LinTSPolicy")
    policy, hyper = implementation(spec), spec.validate({"dim": 2})
    target = learned(policy, hyper, past, log)
    assert target.shape == (200, 4)
    rewardless = Log.of(log.arms, 1 - log.rewards, log.propensities, log.contexts, 4)
    np.testing.assert_array_equal(target, learned(policy, hyper, past, rewardless))
    # it has learned: it prefers what pays in the context of the row
    where = [int(np.flatnonzero((FEATURES == x).all(axis=1))[0]) for x in log.contexts]
    gained = (target * CHANCES[where]).sum(axis=1).mean()
    assert gained > CHANCES.mean() + 0.5 * (CHANCES.max(axis=1) - CHANCES.mean()).mean()


def test_simple_targets() -> None:
    log = Log.of([0, 2, 1], [0.0, 0.0, 1.0], [0.5, 0.5, 0.5])
    np.testing.assert_allclose(uniform(log), np.full((3, 3), 1 / 3))
    np.testing.assert_array_equal(always(log, 2), [[0, 0, 1]] * 3)
    for arm in (-1, 3):
        with pytest.raises(Invalid, match="0 to 2"):
            always(log, arm)


def test_frequencies_within_groups() -> None:
    log = Log.of([0, 1, 0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.5])
    arms = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(frequencies(log, arms), [[0.75, 0.25]] * 3)
    here, there = np.array(["a", "b", "a"]), np.array(["a", "b", "b", "b"])
    expected = [[1, 0], [2 / 3, 1 / 3], [1, 0]]
    np.testing.assert_allclose(frequencies(log, arms, here, there), expected)
    with pytest.raises(Invalid, match="no frequencies for rows of c"):
        frequencies(log, arms, np.array(["a", "c", "a"]), there)


def test_no_row_predicts_itself() -> None:
    log = draw(3, 300).log
    expected = cross_fitted(log)
    changed = log.rewards.copy()
    changed[7] += 1000.0
    other = cross_fitted(Log.of(log.arms, changed, log.propensities, log.contexts, 4))
    np.testing.assert_array_equal(expected[7], other[7])
    assert not np.array_equal(expected, other)


def test_the_model_learns_what_arms_pay() -> None:
    log = draw(3, 20_000).log
    where = [int(np.flatnonzero((FEATURES == x).all(axis=1))[0]) for x in log.contexts]
    error = np.abs(cross_fitted(log) - CHANCES[where]).mean()
    blind = np.abs(log.rewards.mean() - CHANCES[where]).mean()
    assert error < 0.25 * blind


def test_an_arm_never_seen_is_expected_to_pay_the_mean() -> None:
    log = Log.of([0, 0, 1, 1] * 5, [1.0, 0.0, 1.0, 1.0] * 5, [0.5] * 20, num_arms=3)
    expected = cross_fitted(log, folds=20)
    means = (15 - log.rewards) / 19
    np.testing.assert_allclose(expected[:, 2], means, atol=1e-12)
    for wrong in ({"folds": 1}, {"folds": 21}, {"ridge": 0.0}):
        with pytest.raises(Invalid):
            cross_fitted(log, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rewards", "kind"),
    [([0, 1], "binary"), ([0.5, 1], "bounded"), ([0.5, 2], "continuous")],
)
def test_the_kind_of_reward_shows(rewards: list[float], kind: str) -> None:
    assert Log.of([0, 1], rewards, [0.5, 0.5]).reward_type == kind


@pytest.mark.parametrize(
    "columns",
    [
        {"arms": []},
        {"arms": [0, -1]},
        {"arms": [0, 3], "num_arms": 3},
        {"rewards": [1.0]},
        {"rewards": [1.0, float("nan")]},
        {"propensities": [0.5, 0.0]},
        {"propensities": [0.5, 1.1]},
        {"contexts": [[1.0], [2.0], [3.0]]},
        {"contexts": [[1.0], [float("inf")]]},
        {"contexts": [1.0, 2.0]},
    ],
)
def test_a_log_is_checked(columns: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "arms": [0, 1],
        "rewards": [1.0, 0.0],
        "propensities": [0.5, 0.5],
    }
    assert len(Log.of(**good)) == 2
    with pytest.raises(InvalidFeedback):
        Log.of(**{**good, **columns})
