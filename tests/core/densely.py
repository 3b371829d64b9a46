"""Probabilities of being best by brute force: dense grids, and nothing clever."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

HIGHEST = 54 * math.log(2)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _cells(edges: Reals) -> tuple[Reals, Reals]:
    """Four nodes in each cell between the edges, and their weights."""
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    return low + width * (1 + _NODES) / 2, width * _WEIGHTS / 2


def best_normal(means: Sequence[float], deviations: Sequence[float]) -> Reals:
    """P(draw is largest) of N(mean, deviation²)."""
    arms = list(zip(means, deviations, strict=True))
    reach = np.linspace(-9, 9, 1201)
    edges = np.unique(np.concatenate([m + s * reach for m, s in arms]))
    places, weights = _cells(edges[edges >= max(m - 9 * s for m, s in arms)])
    below = [_erfc((m - places) / s * math.sqrt(0.5)) / 2 for m, s in arms]
    chances = []
    for k, (m, s) in enumerate(arms):
        others = np.prod(below[:k] + below[k + 1 :], axis=0)
        density = np.exp(-0.5 * ((places - m) / s) ** 2) / s / math.sqrt(2 * math.pi)
        chances.append(float((density * others * weights).sum()))
    return np.array(chances)


def best_beta(alphas: Sequence[float], betas: Sequence[float]) -> Reals:
    """P(draw is largest) of Beta(α, β), draws within 2⁻⁵⁴ of 1 being equal to it."""
    arms = list(zip(alphas, betas, strict=True))
    edges = [*(_beta_edges(a, b) for a, b in arms), np.array([HIGHEST])]
    places, weights = _cells(np.unique(np.concatenate(edges)))
    log_theta, log_rest = -np.logaddexp(0, -places), -np.logaddexp(0, places)
    short = places < HIGHEST
    masses, rest = [], []
    for a, b in arms:
        mode = math.log(a / b)
        peak = -a * np.logaddexp(0, -mode) - b * np.logaddexp(0, mode)
        mass = np.exp(a * log_theta + b * log_rest - peak) * weights
        masses.append(mass[short] / mass.sum())
        rest.append(float(mass[~short].sum() / mass.sum()))
    return _largest(masses) + ties(rest)


def _beta_edges(alpha: float, beta: float) -> Reals:
    middle = math.log(alpha / beta)
    scale = math.sqrt(1 / alpha + alpha**-2 + 1 / beta + beta**-2)
    return middle + scale / 20 * np.sinh(np.linspace(-8, 8, 6001))


def beta_cdf(alpha: float, beta: float) -> tuple[Reals, Reals]:
    """Some log odds below ``HIGHEST``, and the share of Beta(α, β) below each."""
    edges = np.append(_beta_edges(alpha, beta), HIGHEST)
    places, weights = _cells(np.unique(edges))
    logs = -alpha * np.logaddexp(0, -places) - beta * np.logaddexp(0, places)
    masses = (np.exp(logs - logs.max()) * weights).sum(axis=1)
    ends = np.unique(edges)[1:]
    shown = (ends < HIGHEST) & (ends > -700)
    return ends[shown], (np.cumsum(masses) / masses.sum())[shown]


def _largest(masses: list[Reals]) -> Reals:
    """From masses of one fine grid: half of an arm's own node lies below it."""
    below = [np.cumsum(mass.ravel()) - mass.ravel() / 2 for mass in masses]
    return np.array(
        [
            float((mass.ravel() * np.prod(below[:k] + below[k + 1 :], axis=0)).sum())
            for k, mass in enumerate(masses)
        ]
    )


def best_dirichlet(counts: Sequence[Sequence[float]], steps: int = 1200) -> Reals:
    """P(Σ p_i v_i is largest), p ~ Dirichlet(counts), on a grid of R in [0, 1]."""
    rows = [np.array(row, dtype=np.float64) for row in counts]
    grid = np.unique(np.concatenate([_mean_grid(row, steps) for row in rows]))
    below = [np.concatenate([[0.0], dirichlet_cdf(row, grid), [1.0]]) for row in rows]
    # within a cell every F is taken to be linear, and their product is integrated
    nodes, weights = np.polynomial.legendre.leggauss(len(rows))
    chances = np.zeros(len(rows))
    for node, weight in zip((1 + nodes) / 2, weights / 2, strict=True):
        inside = [f[:-1] * (1 - node) + f[1:] * node for f in below]
        for k, f in enumerate(below):
            others = np.prod(inside[:k] + inside[k + 1 :], axis=0)
            chances[k] += weight * (np.diff(f) * others).sum()
    return chances


def _mean_grid(counts: Reals, steps: int) -> Reals:
    outcomes, total = np.linspace(0, 1, counts.size), counts.sum()
    mean = counts @ outcomes / total
    spread = math.sqrt((counts @ outcomes**2 / total - mean**2) / (total + 1))
    grid = mean + spread * np.linspace(-9, 9, steps)
    return grid[(grid > 0) & (grid < 1)]


def dirichlet_cdf(counts: Reals, places: Reals) -> Reals:
    """P(Σ p_i v_i <= x): the sign of a sum of gammas, by Gil-Pelaez inversion."""
    logs = np.linspace(-32, 40 + 30 / counts.sum(), 3000)
    times = np.exp(logs)
    outcomes = np.linspace(0, 1, counts.size)
    found = []
    for x in places:
        turned = np.outer(times, outcomes - x)
        phase = np.arctan(turned) @ counts
        size = 0.5 * np.log1p(np.minimum(turned**2, 1e300)) @ counts
        area = (np.sin(phase) * np.exp(-size)).sum() * (logs[1] - logs[0])
        found.append(0.5 - area / math.pi)
    return np.clip(np.array(found), 0.0, 1.0)


def beats(alpha: Sequence[int], beta: Sequence[int]) -> float:
    """P(Beta(α_1, β_1) > Beta(α_0, β_0)) for whole α_1: a finite sum, exact."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    return math.fsum(
        math.exp(
            log_beta(alpha[0] + i, beta[0] + beta[1])
            - math.log(beta[1] + i)
            - log_beta(1 + i, beta[1])
            - log_beta(alpha[0], beta[0])
        )
        for i in range(alpha[1])
    )


def ties(shares: Sequence[float]) -> Reals:
    """P(arm is chosen) where each has this chance to be at the top, ties being even."""
    chances = np.zeros(len(shares))
    for there in itertools.product([False, True], repeat=len(shares)):
        if any(there):
            chance = math.prod(
                s if on else 1 - s for s, on in zip(shares, there, strict=True)
            )
            chances[list(there)] += chance / sum(there)
    return chances


def assert_close(found: Reals, expected: Reals) -> None:
    """Within 1e-4, and within 1 % down to 1e-6."""
    assert np.abs(found - expected).max() <= 1e-4, (found, expected)
    large = expected >= 1e-6
    error = np.abs(found - expected)[large] / expected[large]
    assert (error <= 0.01).all(), (found, expected)
