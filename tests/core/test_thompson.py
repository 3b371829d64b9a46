"""What Thompson policies promise beyond the contract of every policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qbrixcore.checks.case import Policy
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation


class Bandit:
    """A policy with its hyperparameters and a state of K arms."""

    def __init__(self, name: str, arms: int, **params: object) -> None:
        spec = find_spec(name)
        self.policy: Policy = implementation(spec)
        self.hyper = spec.validate(params)
        self.state: BaseParamState = spec.prior(arms, self.hyper)
        self.arms = arms

    def learn(
        self, arms: list[int], rewards: list[float], vectors: Any = None
    ) -> Bandit:
        feedback = Feedback.of(arms, rewards, vectors=vectors)
        self.state = self.policy.fold(self.hyper, self.state, feedback)
        return self

    def select(
        self, contexts: NDArray[np.float32], seed: int = 0, **options: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        everyone = np.ones(self.arms, dtype=np.bool_)
        return self.policy.select_many(
            self.hyper,
            self.state,
            contexts,
            everyone,
            InFlight.none(self.arms),
            np.random.default_rng(seed),
            **options,
        )

    def prepared(self) -> list[float]:
        everyone = np.ones(self.arms, dtype=np.bool_)
        prepared = self.policy.prepare(self.hyper, self.state, everyone)
        assert prepared is not None
        return list(prepared.propensities.tolist())


LOG = [0, 0, 1, 1, 1, 2], [1.0, 0.0, 0.25, 1.0, 1.0, 0.5]


def test_without_discount_it_is_beta_thompson_sampling() -> None:
    discounted = Bandit("DiscountedTSPolicy", 3, gamma=1.0, alpha_prior=2).learn(*LOG)
    plain = Bandit("BetaTSPolicy", 3, alpha_prior=2).learn(*LOG)
    nothing = np.empty((500, 0), dtype=np.float32)
    assert discounted.prepared() == plain.prepared()
    assert (discounted.select(nothing)[0] == plain.select(nothing)[0]).all()


def test_two_outcomes_are_beta_thompson_sampling() -> None:
    multinomial = Bandit("DirichletTSPolicy", 3, num_outcomes=2, prior=1.5)
    plain = Bandit("BetaTSPolicy", 3, alpha_prior=1.5, beta_prior=1.5)
    assert multinomial.learn(*LOG).prepared() == plain.learn(*LOG).prepared()


def test_a_discounted_policy_follows_a_drift() -> None:
    def late_share(name: str, **params: object) -> float:
        nothing, share = np.empty((1, 0), dtype=np.float32), 0
        for run in range(4):
            bandit, rng = Bandit(name, 2, **params), np.random.default_rng(run)
            for turn in range(3000):
                chances = (0.8, 0.2) if turn < 1500 else (0.2, 0.8)
                arm = int(bandit.select(nothing, seed=3000 * run + turn)[0][0])
                bandit.learn([arm], [float(rng.random() < chances[arm])])
                share += turn >= 1700 and arm == 1
        return share / 1300 / 4

    assert late_share("DiscountedTSPolicy", gamma=0.97) > 0.8
    # over 150 runs 0.63, with a deviation of 0.19 from run to run
    assert late_share("BetaTSPolicy") < 0.8


def test_a_discounted_arm_returns_to_its_prior() -> None:
    bandit = Bandit("DiscountedTSPolicy", 2, gamma=0.9).learn([0] * 50, [1.0] * 50)
    assert bandit.prepared()[0] > 0.8
    bandit.learn([1] * 2, [1.0, 0.0]).learn([1] * 3000, [0.5] * 3000)
    pair = Bandit("BetaTSPolicy", 2, alpha_prior=1.0)
    # what is left of arm 1 are 10 rewards' worth of halves
    state = pair.state.arrays()
    alpha, beta = state["alpha"].copy(), state["beta"].copy()
    alpha[1] += 5
    beta[1] += 5
    pair.state = type(pair.state)(
        num_arms=2, pulls=pair.state.pulls, alpha=alpha, beta=beta
    )
    assert bandit.prepared() == pytest.approx(pair.prepared(), rel=1e-9)


def test_gaussian_rewards_of_any_size() -> None:
    bandit = Bandit("GaussianTSPolicy", 3, prior_precision=1e-12, noise_precision=1e-6)
    rng = np.random.default_rng(2)
    rewards = np.array([-5000.0, 2000.0, -1000.0])
    arms = rng.integers(0, 3, 300)
    bandit.learn(arms.tolist(), (rewards[arms] + rng.normal(0, 1000, 300)).tolist())
    nothing = np.empty((200, 0), dtype=np.float32)
    assert (bandit.select(nothing)[0] == 1).all()
    mean = bandit.state.arrays()["mean"]
    assert np.abs(mean - rewards).max() < 500


@pytest.mark.parametrize("v", [0.5, 2.0])
def test_linear_scores_are_those_of_drawn_weights(v: float) -> None:
    rng, dim = np.random.default_rng(8), 4
    vectors = rng.standard_normal((60, dim)).astype(np.float32)
    bandit = Bandit("LinTSPolicy", 3, dim=dim, v=v)
    arms = rng.integers(0, 3, 60)
    bandit.learn(arms.tolist(), rng.standard_normal(60).tolist(), vectors)
    context = vectors[:1].astype(np.float64)[0]
    state = bandit.state.arrays()
    # the rule of the paper: weights from N(theta, v² / A), the largest xᵀ weights
    drawn = np.stack(
        [
            rng.multivariate_normal(theta, v**2 * inverse, 100_000) @ context
            for theta, inverse in zip(state["theta"], state["inverse"], strict=True)
        ]
    )
    expected = np.bincount(drawn.argmax(axis=0), minlength=3) / 100_000
    many = np.repeat(vectors[:1], 20_000, axis=0)
    found, p = bandit.select(many, weigh=True)
    shares = np.bincount(found, minlength=3) / 20_000
    np.testing.assert_allclose(shares, expected, atol=0.02)
    said = [p[found == arm][0] for arm in range(3)]
    np.testing.assert_allclose(said, expected, atol=0.01)
    assert sum(said) == pytest.approx(1.0)


def test_propensities_of_every_row_are_of_its_own_context() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((40, 3)).astype(np.float32)
    bandit = Bandit("LogisticTSPolicy", 4, dim=3)
    bandit.learn(rng.integers(0, 4, 40).tolist(), [0.0, 1.0] * 20, vectors)
    arms, p = bandit.select(vectors, weigh=True)
    alone = [bandit.select(vectors[row : row + 1], weigh=True) for row in range(40)]
    told = {(row, int(a[0])): float(q[0]) for row, (a, q) in enumerate(alone)}
    for row, (arm, chance) in enumerate(zip(arms, p, strict=True)):
        if (row, int(arm)) in told:
            assert chance == pytest.approx(told[row, int(arm)], rel=1e-9)
    assert np.isnan(bandit.select(vectors)[1]).all()


def test_equal_scores_are_settled_evenly() -> None:
    # a context of zeros says nothing of any arm
    zeros = np.zeros((9000, 3), dtype=np.float32)
    for name in ("LinTSPolicy", "LogisticTSPolicy"):
        bandit = Bandit(name, 3, dim=3)
        arms, p = bandit.select(zeros, weigh=True)
        np.testing.assert_allclose(np.bincount(arms) / 9000, 1 / 3, atol=0.03)
        np.testing.assert_allclose(p, 1 / 3, rtol=1e-9)


def test_a_logistic_policy_learns_who_likes_what() -> None:
    bandit, rng = Bandit("LogisticTSPolicy", 2, dim=2), np.random.default_rng(6)
    right = 0
    for turn in range(3000):
        side = rng.choice([-1.0, 1.0])
        context = np.array([[1.0, side]], dtype=np.float32)
        arm = int(bandit.select(context, seed=turn)[0][0])
        good = arm == (side > 0)
        right += turn >= 1500 and good
        reward = float(rng.random() < (0.7 if good else 0.3))
        bandit.learn([arm], [reward], context)
    assert right / 1500 > 0.9
