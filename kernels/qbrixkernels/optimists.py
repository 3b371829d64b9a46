"""Several upper confidence bounds on one ridge regression per arm.

Shapes: K arms, D features, N choices or observations, A bounds. ``alphas`` (A,) are
their widths in standard deviations. ``gram``, ``inverse`` (K, D, D), ``moment`` and
``theta`` (K, D) are those of the ridge kernels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import ridge
from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import write
from qbrixkernels.episodes.linking import step


@part
def best_of(
    means: NDArray[np.float64],
    spreads: NDArray[np.float64],
    alpha: float,
    active: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> tuple[float, int]:
    """The largest mean + α · spread over active arms, and how many reach it.

    Fills ``scores`` (K,) of these arms.
    """
    top = -np.inf
    equal = 0
    for k in range(active.size):
        if active[k]:
            score = means[k] + alpha * spreads[k]
            scores[k] = score if not math.isnan(score) else -np.inf
            if scores[k] > top or equal == 0:
                top = scores[k]
                equal = 1
            elif scores[k] == top:
                equal += 1
    return top, equal


@part
def pick(shares: NDArray[np.float64], level: float) -> tuple[int, float]:
    """The thing where the running sum of ``shares`` passes ``level`` of all of it.

    And its part of the sum.
    """
    total = 0.0
    last = 0
    for k in range(shares.size):
        total += shares[k]
        if shares[k] > 0.0:
            last = k
    reached = 0.0
    for k in range(last):
        reached += shares[k]
        if reached > level * total:
            return k, min(shares[k] / total, 1.0)
    return last, min(shares[last] / total, 1.0)


@part
def spread_out(
    means: NDArray[np.float64],
    spreads: NDArray[np.float64],
    alphas: NDArray[np.float64],
    weights: NDArray[np.float64],
    active: NDArray[np.bool_],
    scores: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    """Add the weight of each bound to the ``shares`` (K,) of its best arms, evenly."""
    for a in range(alphas.size):
        top, equal = best_of(means, spreads, alphas[a], active, scores)
        for k in range(active.size):
            if active[k] and scores[k] == top:
                shares[k] += weights[a] / equal


@step(
    VOID(
        read(REAL, 3),
        read(REAL, 2),
        read(REAL, 1),
        read(REAL, 1),
        read(SINGLE, 2),
        read(BOOL, 1),
        write(REAL, 2),
    )
)
def mix(
    inverse: NDArray[np.float64],
    theta: NDArray[np.float64],
    alphas: NDArray[np.float64],
    weights: NDArray[np.float64],
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    shares: NDArray[np.float64],
) -> None:
    """Add to ``shares`` (N, K) the probability of each arm, row by row of contexts."""
    x = np.empty(theta.shape[1])
    means, spreads = np.zeros(active.size), np.zeros(active.size)
    scores = np.zeros(active.size)
    for n in range(contexts.shape[0]):
        for i in range(x.size):
            x[i] = contexts[n, i]
        for k in range(active.size):
            if active[k]:
                means[k] = ridge.dot(theta[k], x)
                spreads[k] = math.sqrt(ridge.spread(inverse[k], x))
        spread_out(means, spreads, alphas, weights, active, scores, shares[n])


@step(
    VOID(
        read(REAL, 3),
        read(REAL, 3),
        read(REAL, 2),
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 1),
        read(SINGLE, 2),
        read(BOOL, 1),
        read(REAL, 3),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def choose(
    gram: NDArray[np.float64],
    inverse: NDArray[np.float64],
    theta: NDArray[np.float64],
    alphas: NDArray[np.float64],
    weights: NDArray[np.float64],
    plain: NDArray[np.float64],
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    draws: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Draw each arm from a mixture, row by row of ``contexts`` (N, D).

    Bound a counts with ``weights`` (A,) and spreads it evenly over its best arms;
    ``plain`` (K,) is added as it is. ``in_flight`` is (K, D, D), or (0, D, D) for none,
    and each choice adds its context for the rows behind it. ``draws`` (N,) are uniform
    in [0, 1). Fills ``arms`` and ``propensities``.
    """
    size = theta.shape[1]
    own = np.zeros(active.size, dtype=np.bool_)
    alone = contexts.shape[0] == 1 and in_flight.shape[0] == 0
    widened = np.empty((0 if alone else active.size, size, size))
    for k in range(in_flight.shape[0]):
        if active[k] and in_flight[k].any():
            own[k] = True
            ridge.invert(gram[k] + in_flight[k], widened[k])
    x, u = np.empty(size), np.empty(size)
    means, spreads = np.zeros(active.size), np.zeros(active.size)
    scores, shares = np.zeros(active.size), np.zeros(active.size)
    for n in range(contexts.shape[0]):
        for i in range(size):
            x[i] = contexts[n, i]
        for k in range(active.size):
            if active[k]:
                matrix = widened[k] if own[k] else inverse[k]
                means[k] = ridge.dot(theta[k], x)
                spreads[k] = math.sqrt(ridge.spread(matrix, x))
        shares[:] = plain
        spread_out(means, spreads, alphas, weights, active, scores, shares)
        arms[n], propensities[n] = pick(shares, draws[n])
        if n + 1 < contexts.shape[0]:
            k = arms[n]
            if not own[k]:
                own[k] = True
                widened[k] = inverse[k]
            ridge.rank_one(widened[k], x, u)


@step(
    VOID(
        write(REAL, 3),
        write(REAL, 3),
        write(REAL, 2),
        write(REAL, 2),
        write(INT, 1),
        read(REAL, 1),
        read(BOOL, 1),
        read(INT, 1),
        read(REAL, 1),
        read(SINGLE, 2),
        write(REAL, 2),
        write(INT, 2),
    )
)
def learn(
    gram: NDArray[np.float64],
    inverse: NDArray[np.float64],
    moment: NDArray[np.float64],
    theta: NDArray[np.float64],
    pulls: NDArray[np.int64],
    alphas: NDArray[np.float64],
    active: NDArray[np.bool_],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    vectors: NDArray[np.float32],
    odds: NDArray[np.float64],
    favourites: NDArray[np.int64],
) -> None:
    """Learn N rewards in place, asking before each what the bounds would have chosen.

    Fills ``odds`` (N, A) with the probability of the arm taken, and ``favourites``
    (N, A) with the best arm, -1 where several are. Only ``active`` arms compete, and
    the one taken. Nothing here is reordered, so that all machines learn the same.
    """
    size = theta.shape[1]
    x = np.empty(size)
    means, spreads = np.zeros(active.size), np.zeros(active.size)
    scores = np.zeros(active.size)
    there = active.copy()
    for n in range(arms.size):
        arm = arms[n]
        there[arm] = True
        for i in range(size):
            x[i] = vectors[n, i]
        for k in range(active.size):
            if there[k]:
                mean = 0.0
                square = 0.0
                for i in range(size):
                    row = 0.0
                    for j in range(size):
                        row += inverse[k, i, j] * x[j]
                    mean += theta[k, i] * x[i]
                    square += row * x[i]
                means[k], spreads[k] = mean, math.sqrt(max(square, 0.0))
        for a in range(alphas.size):
            top, equal = best_of(means, spreads, alphas[a], there, scores)
            odds[n, a] = 1.0 / equal if scores[arm] == top else 0.0
            favourites[n, a] = -1
            for k in range(active.size):
                if equal == 1 and there[k] and scores[k] == top:
                    favourites[n, a] = k
        there[arm] = active[arm]
        one = slice(n, n + 1)
        ridge.fold(
            gram,
            inverse,
            moment,
            theta,
            pulls,
            arms[one],
            rewards[one],
            vectors[one],
        )
