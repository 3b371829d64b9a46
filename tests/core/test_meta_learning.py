"""What the policy that chooses between policies earns, beside the policies themselves.

Rewards are learned after every tenth choice. All figures are of fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

Reals = NDArray[np.float64]
# chances (N, K) of a reward at step t, for contexts (N, D)
World = Callable[[int, NDArray[np.float32]], Reals]

TOGETHER = 10
FEATURES = 6


def regret(
    name: str, world: World, horizon: int, runs: int = 4, **params: object
) -> float:
    """Mean cumulative pseudo-regret."""
    spec, policy = find_spec(name), implementation(name)
    hyper = spec.validate(params)
    arms = world(0, np.zeros((1, FEATURES), dtype=np.float32)).shape[1]
    active, none = np.ones(arms, dtype=np.bool_), InFlight.none(arms)
    total = 0.0
    for run in range(runs):
        rng = np.random.default_rng([run, 23])
        state: Any = spec.prior(arms, hyper)
        for step in range(0, horizon, TOGETHER):
            x = rng.standard_normal((TOGETHER, FEATURES)).astype(np.float32)
            x[:, 0] = 1.0
            chances = world(step, x)
            seen = x if spec.dim(hyper) else x[:, :0]
            chosen, p = policy.select_many(hyper, state, seen, active, none, rng)
            won = chances[np.arange(TOGETHER), chosen]
            total += float((chances.max(axis=1) - won).sum())
            rewards = (rng.random(TOGETHER) < won).astype(np.float64)
            state = policy.fold(hyper, state, Feedback(chosen, rewards, p, seen))
    return total / runs


def steady(step: int, x: NDArray[np.float32]) -> Reals:
    return np.tile(np.arange(0.1, 1.0, 0.1), (len(x), 1))


def drifting(step: int, x: NDArray[np.float32]) -> Reals:
    best = (0, 2, 1, 3)[step // 1_500 % 4]
    row = np.full(5, 0.5)
    row[best], row[(best + 1) % 5] = 0.9, 0.1
    return np.tile(row, (len(x), 1))


def linear(step: int, x: NDArray[np.float32]) -> Reals:
    weights = np.random.default_rng(5).normal(0.0, 0.12, (8, FEATURES))
    return np.clip(0.5 + x @ weights.T, 0.0, 1.0)


def test_on_a_steady_problem_it_costs_little_more_than_thompson_sampling() -> None:
    # over 20 runs 52 and 41
    auto = regret("auto", steady, 6_000, runs=6, reward_type="binary")
    assert auto < 1.5 * regret("BetaTSPolicy", steady, 6_000, runs=6)


def test_on_a_drifting_problem_it_beats_thompson_sampling() -> None:
    # over 20 runs 401, 1200 and 353, the last with a rate of forgetting that suits
    auto = regret("auto", drifting, 6_000)
    assert auto < 0.5 * regret("BetaTSPolicy", drifting, 6_000)
    assert auto < 1.25 * regret("DiscountedTSPolicy", drifting, 6_000)


def test_where_the_context_matters_it_is_used() -> None:
    # over 20 runs 129, 942 and 149
    auto = regret("auto", linear, 4_000, dim=FEATURES)
    assert auto < 0.3 * regret("auto", linear, 4_000)
    assert auto < 1.2 * regret("LinUCBPolicy", linear, 4_000, dim=FEATURES)


def test_where_it_does_not_it_is_soon_ignored() -> None:
    # over 20 runs 68 and 296
    auto = regret("auto", steady, 6_000, dim=FEATURES)
    assert auto < 0.5 * regret("LinUCBPolicy", steady, 6_000, dim=FEATURES)


def test_continuous_rewards_of_any_size_are_learned() -> None:
    spec, policy = find_spec("auto"), implementation("auto")
    hyper = spec.validate({"reward_type": "continuous"})
    active, none = np.ones(4, dtype=np.bool_), InFlight.none(4)
    for centre, spread in ((0.0, 1e-6), (1e6, 10.0), (-5.0, 1e9)):
        rng = np.random.default_rng(4)
        state: Any = spec.prior(4, hyper)
        for _ in range(150):
            nothing = np.empty((TOGETHER, 0), dtype=np.float32)
            arms, p = policy.select_many(hyper, state, nothing, active, none, rng)
            noise = rng.standard_normal(TOGETHER)
            rewards = centre + spread * (noise + arms)
            state = policy.fold(hyper, state, Feedback(arms, rewards, p, nothing))
        assert state.pulls[3] > 1_100, (centre, spread, state.pulls)
