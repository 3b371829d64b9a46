"""Policies against published regret and against each other's promises."""

from __future__ import annotations

import numpy as np

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

MEANS = np.arange(1, 10) / 10


def regret(
    name: str, horizon: int, runs: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Cumulative pseudo-regret of each of some runs, rewards Bernoulli(MEANS)."""
    spec, policy = find_spec(name), implementation(name)
    hyper = spec.validate({})
    active, none = np.ones(9, dtype=np.bool_), InFlight.none(9)
    context = np.empty((1, 0), dtype=np.float32)
    totals = np.zeros(runs)
    for run in range(runs):
        rng = np.random.default_rng([run, 17])
        state = spec.prior(9, hyper)
        for _ in range(horizon):
            arms, p = policy.select_many(hyper, state, context, active, none, rng)
            reward = (rng.random(1) < MEANS[arms]).astype(np.float64)
            state = policy.fold(hyper, state, Feedback(arms, reward, p, context))
            totals[run] += MEANS[-1] - MEANS[arms[0]]
    return totals


def test_beta_thompson_sampling_has_the_published_regret() -> None:
    # mean 28.65 at a horizon of 1000, over 1000 runs of SMPyBandits; it publishes no
    # error there, so ours, widened by its greater number of runs, stands for both
    totals = regret("BetaTSPolicy", horizon=1000, runs=40)
    error = totals.std(ddof=1) / np.sqrt(totals.size) * np.sqrt(1.04)
    assert abs(totals.mean() - 28.65) < 4 * error, (totals.mean(), error)


def test_exp3_stays_within_the_bound_of_its_paper() -> None:
    # corollary 3.2 of auer et al.: 2.63 sqrt(g K log K) for this gamma and any g >= G
    horizon, arms = 2000, 9
    spec, policy = find_spec("EXP3Policy"), implementation("EXP3Policy")
    bound = 2.63 * np.sqrt(horizon * arms * np.log(arms))
    gamma = np.sqrt(arms * np.log(arms) / ((np.e - 1) * horizon))
    hyper = spec.validate({"gamma": float(gamma)})
    state, rng = spec.prior(arms, hyper), np.random.default_rng(3)
    active, none = np.ones(arms, dtype=np.bool_), InFlight.none(arms)
    # the best arm changes half way, so nothing here is drawn from one distribution
    gains = (rng.random((horizon, arms)) < MEANS).astype(np.float64)
    gains[horizon // 2 :] = gains[horizon // 2 :, ::-1]
    earned = 0.0
    for row in gains:
        context = np.empty((1, 0), dtype=np.float32)
        chosen, p = policy.select_many(hyper, state, context, active, none, rng)
        state = policy.fold(hyper, state, Feedback(chosen, row[chosen], p, context))
        earned += row[chosen[0]]
    assert gains.sum(axis=0).max() - earned < bound


def test_linucb_learns_as_well_in_frames_as_one_by_one() -> None:
    def total(frame: int) -> float:
        rng = np.random.default_rng(11)
        spec, policy = find_spec("LinUCBPolicy"), implementation("LinUCBPolicy")
        hyper = spec.validate({"dim": 4, "alpha": 0.5})
        state = spec.prior(5, hyper)
        truth = rng.standard_normal((5, 4))
        active, none = np.ones(5, dtype=np.bool_), InFlight.none(5)
        lost = 0.0
        for _ in range(4000 // frame):
            x = rng.standard_normal((frame, 4)).astype(np.float32)
            arms, p = policy.select_many(hyper, state, x, active, none, rng)
            scores = x @ truth.T
            got = scores[np.arange(frame), arms]
            lost += float((scores.max(axis=1) - got).sum())
            reward = got + rng.standard_normal(frame) * 0.3
            state = policy.fold(hyper, state, Feedback(arms, reward, p, x))
        return lost

    # the first frame of 200 is chosen blind: about 200 times the gap of a random arm
    assert total(200) < 1.3 * total(1) + 200 * 2.3
