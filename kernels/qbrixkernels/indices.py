"""Optimistic indices of mean rewards in [0, 1].

Shapes: K arms of which M are active, N choices or observations. ``total`` (K,) is the
sum of the rewards of an arm, ``squares`` (K,) that of their squares, ``pulls`` (K,)
their number, ``in_flight`` (K,) the choices whose reward is not known yet. Each choice
counts as in flight for the rows behind it. An arm never played comes first; one whose
plays are all in flight is taken for an average one. ``ties`` (N,) is uniform in [0, 1);
selecting fills ``arms`` (N,) and their probabilities (N,), one over the number of equal
best.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import write


@part
def lineup(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], float]:
    """Numbers, plays and means of the active arms, (M,) each, and plays of all."""
    earned = 0.0
    learned = 0.0
    everything = 0.0
    for k in range(pulls.size):
        earned += total[k]
        learned += pulls[k]
        everything += pulls[k] + in_flight[k]
    average = earned / learned if learned > 0.0 else 0.5
    which = np.empty(pulls.size, dtype=np.int64)
    plays = np.empty(pulls.size)
    means = np.empty(pulls.size)
    count = 0
    for k in range(pulls.size):
        if active[k]:
            which[count] = k
            plays[count] = pulls[k] + in_flight[k]
            means[count] = total[k] / pulls[k] if pulls[k] > 0 else average
            count += 1
    return which[:count], plays[:count], means[:count], everything


@part
def settle(scores: NDArray[np.float64], tie: float) -> tuple[int, float]:
    """The place of one of the largest scores, and one over their number."""
    top = -np.inf
    equal = 0
    chosen = 0
    for m in range(scores.size):
        if scores[m] > top:
            top = scores[m]
            equal = 1
            chosen = m
        elif scores[m] == top:
            equal += 1
    if equal > 1:
        skip = int(tie * equal)
        for m in range(scores.size):
            if scores[m] == top:
                chosen = m
                if skip == 0:
                    break
                skip -= 1
    return chosen, 1.0 / max(equal, 1)


@kernel(
    VOID(
        read(REAL, 1),
        read(REAL, 1),
        read(INT, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select_tuned(
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    pulls: NDArray[np.int64],
    alpha: float,
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest μ + √(α/2 · log t / n · min(¼, V)), n counting those in flight.

    V = Σx²/N - μ² + √(2 log t / n), or more than ¼ where nothing is learned.
    """
    which, plays, means, t = lineup(total, pulls, active, in_flight)
    variances = np.empty(which.size)
    inverse = np.empty(which.size)
    base = np.empty(which.size)
    scores = np.empty(which.size)
    for m in range(which.size):
        k = which[m]
        variances[m] = 0.25
        if pulls[k] > 0:
            variances[m] = max(squares[k] / pulls[k] - means[m] * means[m], 0.0)
        inverse[m] = 1.0 / plays[m] if plays[m] > 0.0 else 0.0
        base[m] = means[m] if plays[m] > 0.0 else np.inf
    for n in range(ties.size):
        log_t = math.log(max(t, 1.0))
        for m in range(which.size):
            rate = log_t * inverse[m]
            spread = min(0.25, variances[m] + math.sqrt(2.0 * rate))
            scores[m] = base[m] + math.sqrt(0.5 * alpha * (rate * spread))
        m, propensities[n] = settle(scores, ties[n])
        arms[n] = which[m]
        t += 1.0
        plays[m] += 1.0
        inverse[m] = 1.0 / plays[m]
        base[m] = means[m]


@kernel(
    VOID(
        read(REAL, 1),
        read(INT, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select_moss(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    horizon: float,
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest μ + √(log⁺(horizon / (M n)) / n), n counting those in flight."""
    which, plays, means, _ = lineup(total, pulls, active, in_flight)
    share = horizon / which.size
    scores = np.full(which.size, np.inf)
    for m in range(which.size):
        if plays[m] > 0.0:
            reach = math.log(max(share / plays[m], 1.0))
            scores[m] = means[m] + math.sqrt(reach / plays[m])
    for n in range(ties.size):
        m, propensities[n] = settle(scores, ties[n])
        arms[n] = which[m]
        plays[m] += 1.0
        reach = math.log(max(share / plays[m], 1.0))
        scores[m] = means[m] + math.sqrt(reach / plays[m])


@kernel(
    VOID(
        read(REAL, 1),
        read(INT, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select_moss_anytime(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    alpha: float,
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest μ + √((1 + α)/2 · log⁺(t / (M n)) / n)."""
    which, plays, means, t = lineup(total, pulls, active, in_flight)
    logs = np.zeros(which.size)
    inverse = np.zeros(which.size)
    base = np.full(which.size, np.inf)
    scores = np.empty(which.size)
    for m in range(which.size):
        if plays[m] > 0.0:
            logs[m] = math.log(which.size * plays[m])
            inverse[m] = 0.5 * (1.0 + alpha) / plays[m]
            base[m] = means[m]
    for n in range(ties.size):
        log_t = math.log(max(t, 1.0))
        for m in range(which.size):
            scores[m] = base[m] + math.sqrt(max(log_t - logs[m], 0.0) * inverse[m])
        m, propensities[n] = settle(scores, ties[n])
        arms[n] = which[m]
        t += 1.0
        plays[m] += 1.0
        logs[m] = math.log(which.size * plays[m])
        inverse[m] = 0.5 * (1.0 + alpha) / plays[m]
        base[m] = means[m]


@kernel(VOID(write(REAL, 1), write(INT, 1), read(INT, 1), read(REAL, 1)))
def fold(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Add N rewards to the sums, in place."""
    for n in range(arms.size):
        total[arms[n]] += rewards[n]
        pulls[arms[n]] += 1


@kernel(
    VOID(write(REAL, 1), write(REAL, 1), write(INT, 1), read(INT, 1), read(REAL, 1))
)
def fold_squares(
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Add N rewards and their squares to the sums, in place."""
    for n in range(arms.size):
        total[arms[n]] += rewards[n]
        squares[arms[n]] += rewards[n] * rewards[n]
        pulls[arms[n]] += 1
