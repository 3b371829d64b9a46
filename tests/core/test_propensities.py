"""The propensities policies state, against dense grids made from their states alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.core import densely
from tests.core.densely import assert_close

from qbrixcore.context import Feedback
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

Reals = NDArray[np.float64]


def stated(name: str, arms: int, log: Feedback, x: Any, **params: object) -> Reals:
    """What the policy says of every arm for one context, after learning a log."""
    spec, policy = find_spec(name), implementation(name)
    hyper = spec.validate(params)
    state = policy.fold(hyper, spec.prior(arms, hyper), log)
    found = policy.chances(hyper, state, x, np.ones(arms, dtype=np.bool_))
    assert found is not None
    return np.asarray(found[0])


def unevenly(rng: np.random.Generator, arms: int, rows: int) -> NDArray[np.int64]:
    """Arms of a log in which each is a few times rarer than the one before."""
    shares = np.cumprod(rng.uniform(0.05, 1.0, arms))
    return rng.choice(arms, rows, p=shares / shares.sum())


def posterior(name: str, x: Reals, rewards: Reals) -> tuple[Reals, Reals]:
    """Mean and covariance of the weights of one arm, from its rewards in turn."""
    precision, mean = np.eye(x.shape[1]), np.zeros(x.shape[1])
    if name == "LinTSPolicy":
        precision = precision + x.T @ x
        return np.linalg.solve(precision, x.T @ rewards), np.linalg.inv(precision)
    for row, reward in zip(x, rewards, strict=True):
        p = 1 / (1 + np.exp(-row @ mean))
        precision = precision + p * (1 - p) * np.outer(row, row)
        mean = mean + np.linalg.solve(precision, row) * (reward - p)
    return mean, np.linalg.inv(precision)


@pytest.mark.parametrize("name", ["LinTSPolicy", "LogisticTSPolicy"])
@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(2, 6), st.floats(0.05, 2))
def test_with_a_context(name: str, seed: int, arms: int, v: float) -> None:
    rng, dim, rows = np.random.default_rng(seed), 4, 400
    chosen = unevenly(rng, arms, rows)
    vectors = rng.standard_normal((rows, dim)).astype(np.float32)
    rewards = (rng.random(rows) < 0.4).astype(np.float64)
    log = Feedback(chosen, rewards, np.full(rows, np.nan), vectors)
    x = rng.standard_normal((1, dim)).astype(np.float32)
    means, deviations = [], []
    for arm in range(arms):
        own = chosen == arm
        mean, covariance = posterior(name, vectors[own].astype(float), rewards[own])
        means.append(float(x[0] @ mean))
        deviations.append(v * float(np.sqrt(x[0] @ covariance @ x[0])))
    found = stated(name, arms, log, x, dim=dim, v=v)
    assert_close(found, densely.best_normal(means, deviations))


@pytest.mark.parametrize("name", ["BetaTSPolicy", "GaussianTSPolicy"])
@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_without_context(name: str, seed: int, arms: int) -> None:
    rng, rows = np.random.default_rng(seed), 20_000
    chosen = unevenly(rng, arms, rows)
    levels = rng.uniform(0.3, 0.5, arms)
    rewards = (rng.random(rows) < levels[chosen]).astype(np.float64)
    nothing = np.empty((rows, 0), dtype=np.float32)
    log = Feedback(chosen, rewards, np.full(rows, np.nan), nothing)
    pulls = np.bincount(chosen, minlength=arms)
    total = np.bincount(chosen, rewards, minlength=arms)
    if name == "BetaTSPolicy":
        alpha, beta = (1 + total).tolist(), (1 + pulls - total).tolist()
        expected = densely.best_beta(alpha, beta)
    else:
        means, deviations = total / (1 + pulls), 1 / np.sqrt(1 + pulls)
        expected = densely.best_normal(means.tolist(), deviations.tolist())
    assert_close(stated(name, arms, log, nothing[:1]), expected)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from([2, 9, 64, 65, 200, 1000]))
def test_of_the_perturbed_leader(seed: int, arms: int) -> None:
    # dense panels over the level that the leader reaches: its density, others below
    rng, eta = np.random.default_rng(seed), 5.0
    chosen = np.concatenate([np.arange(arms), rng.integers(0, arms, 3 * arms)])
    rewards = rng.random(chosen.size)
    p = rng.uniform(0.05, 1.0, chosen.size)
    nothing = np.empty((chosen.size, 0), dtype=np.float32)
    found = stated(
        "FPLPolicy", arms, Feedback(chosen, rewards, p, nothing), nothing[:1], eta=eta
    )
    estimates = -np.bincount(chosen, (1 - rewards) / p, minlength=arms)
    places, weights = np.polynomial.legendre.leggauss(8)
    edges = estimates.max() + eta * np.concatenate(
        [np.linspace(0, 12, 1200), np.linspace(12.1, 60, 400)]
    )
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    level = (low + width * (1 + places) / 2).ravel()
    weight = (width * weights / 2).ravel()
    above = np.exp((estimates[:, None] - level) / eta)
    log_all = np.log1p(-above).sum(axis=0)
    density = above / eta * np.exp(log_all - np.log1p(-above))
    assert_close(found, density @ weight)
