"""Several upper confidence bounds on one regression, beside slow twins."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import optimists
from qbrixkernels import ridge

ARMS, DIM = 4, 3
ALPHAS = np.array([1.0, 0.25])
Reals = NDArray[np.float64]


def regression(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """State of a ridge regression that has learned ``count`` rewards."""
    state: dict[str, Any] = {
        "gram": np.tile(np.eye(DIM), (ARMS, 1, 1)),
        "inverse": np.tile(np.eye(DIM), (ARMS, 1, 1)),
        "moment": np.zeros((ARMS, DIM)),
        "theta": np.zeros((ARMS, DIM)),
        "pulls": np.zeros(ARMS, dtype=np.int64),
    }
    ridge.fold(*state.values(), *log(rng, count))
    return state


def log(rng: np.random.Generator, count: int) -> tuple[Any, Any, Any]:
    return (
        rng.integers(0, ARMS, count),
        rng.random(count),
        rng.standard_normal((count, DIM)).astype(np.float32),
    )


def best(
    state: dict[str, Any], x: Reals, alpha: float, active: NDArray[np.bool_]
) -> list[int]:
    """The arms with the largest bound, by inverting anew."""
    scores = []
    for k in range(ARMS):
        inverse = np.linalg.inv(state["gram"][k])
        mean = x @ inverse @ state["moment"][k]
        scores.append(mean + alpha * np.sqrt(x @ inverse @ x))
    top = max(s for s, there in zip(scores, active, strict=True) if there)
    return [k for k in range(ARMS) if active[k] and scores[k] > top - 1e-9]


def mixed(
    state: dict[str, Any], x: Reals, weights: Reals, plain: Reals, active: Any
) -> Reals:
    shares = plain.copy()
    for alpha, weight in zip(ALPHAS, weights, strict=True):
        winners = best(state, x, float(alpha), active)
        shares[winners] += weight / len(winners)
    total: Reals = shares / shares.sum()
    return total


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40))
def test_choices_have_the_probability_they_say(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    state = regression(rng, count)
    active = rng.random(ARMS) < 0.7
    active[rng.integers(ARMS)] = True
    plain = rng.dirichlet(np.ones(ARMS)) * active * 0.3
    weights = np.array([0.4, 0.3])
    contexts = rng.standard_normal((1, DIM)).astype(np.float32)
    arms, p = np.empty(1, dtype=np.int64), np.empty(1)
    optimists.choose(
        state["gram"],
        state["inverse"],
        state["theta"],
        ALPHAS,
        weights,
        plain,
        contexts,
        active,
        state["gram"][:0],
        rng.random(1),
        arms,
        p,
    )
    expected = mixed(state, contexts[0].astype(np.float64), weights, plain, active)
    assert active[arms[0]]
    assert np.isclose(p[0], expected[arms[0]])
    shares = plain[None].copy()
    optimists.mix(
        state["inverse"], state["theta"], ALPHAS, weights, contexts, active, shares
    )
    assert np.allclose(shares[0] / shares.sum(), expected)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 25))
def test_learning_asks_before_each_reward_and_ends_like_the_ridge_kernel(
    seed: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    state = regression(rng, 10)
    twin = {name: array.copy() for name, array in state.items()}
    arms, rewards, vectors = log(rng, count)
    active = rng.random(ARMS) < 0.7
    odds = np.empty((count, 2))
    favourites = np.empty((count, 2), dtype=np.int64)
    optimists.learn(
        *state.values(), ALPHAS, active, arms, rewards, vectors, odds, favourites
    )
    for n in range(count):
        there = active.copy()
        there[arms[n]] = True
        for a, alpha in enumerate(ALPHAS):
            x = vectors[n].astype(np.float64)
            winners = best(twin, x, float(alpha), there)
            chance = (arms[n] in winners) / len(winners)
            assert odds[n, a] == chance
            assert favourites[n, a] == (winners[0] if len(winners) == 1 else -1)
        row = slice(n, n + 1)
        ridge.fold(*twin.values(), arms[row], rewards[row], vectors[row])
    for name, array in state.items():
        assert (array == twin[name]).all(), name


def test_each_choice_widens_the_bounds_of_its_arm_for_the_next() -> None:
    state = regression(np.random.default_rng(2), 0)
    contexts = np.tile(np.array([[1.0, 0.5, -0.5]], dtype=np.float32), (ARMS, 1))
    arms, p = np.empty(ARMS, dtype=np.int64), np.empty(ARMS)
    optimists.choose(
        state["gram"],
        state["inverse"],
        state["theta"],
        np.array([1.0]),
        np.array([1.0]),
        np.zeros(ARMS),
        contexts,
        np.ones(ARMS, dtype=np.bool_),
        state["gram"][:0],
        np.full(ARMS, 0.5),
        arms,
        p,
    )
    assert sorted(arms.tolist()) == list(range(ARMS))
    assert np.allclose(p, [1 / 4, 1 / 3, 1 / 2, 1])
