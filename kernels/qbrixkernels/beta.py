"""Beta posteriors of rewards in [0, 1].

Shapes: K arms, N choices or observations.
"""

from __future__ import annotations

import math
from typing import Final

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

LEAST_COUNT: Final = 1e-200


@kernel(INT(INT))
def trials(left: int) -> int:
    """How many normal numbers ``left`` draws seldom need more of."""
    return 2 * left + left // 12 + 8


@kernel(INT(read(REAL, 1), read(REAL, 1), INT))
def boosts(alpha: NDArray[np.float64], beta: NDArray[np.float64], left: int) -> int:
    """How many uniform numbers these arms need beside those, for ``left`` draws."""
    for k in range(alpha.size):
        if alpha[k] < 1.0 or beta[k] < 1.0:
            return 2 * left
    return 0


@part
def attempt(d: float, c: float, normal: float, uniform: float) -> float:
    """A draw from Gamma(d + 1/3), c being 1/√(9d), or 0 where the numbers are refused.

    Marsaglia, G. and Tsang, W. W. (2000). A simple method for generating gamma
    variables. ACM Trans. Math. Softw. 26. For d >= 2/3; 19 of 20 are accepted.
    """
    root = 1.0 + c * normal
    if root <= 0.0:
        return 0.0
    v = root * root * root
    square = normal * normal
    if uniform < 1.0 - 0.0331 * (square * square):
        return d * v
    if math.log(uniform) < 0.5 * square + d * (1.0 - v + math.log(v)):
        return d * v
    return 0.0


@part
def chance(odds: float) -> float:
    """θ of any log odds, to the last digit below one."""
    small = math.exp(-abs(odds))
    rest = small / (1.0 + small)
    return 1.0 - rest if odds > 0.0 else rest


@kernel(
    INT(
        read(REAL, 1),
        read(REAL, 1),
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        INT,
        write(REAL, 2),
    )
)
def draw(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    active: NDArray[np.bool_],
    normals: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    done: int,
    draws: NDArray[np.float64],
) -> int:
    """Fill ``draws`` (N, K) with Beta(α, β) of the active arms, row by row.

    The first ``done`` of its N K places are passed over. Returns how many are done when
    all are, or when ``normals`` (T,), standard ones, or ``uniforms`` (T + B,), in
    [0, 1), run out: T for ``trials``, B for ``boosts``. How many numbers a draw takes
    says nothing of its value, so one that was begun may be begun anew.

    A Beta is the share of one Gamma in two. Gamma(a) with a < 1 is Gamma(a + 1) u^(1/a)
    with one more uniform number; that may be smaller than any float, so logarithms
    stand for it.
    """
    size = active.size
    more = np.zeros((2, size))
    d, c = np.empty((2, size)), np.empty((2, size))
    for k in range(size):
        for side, shape in enumerate((alpha[k], beta[k])):
            more[side, k] = 1.0 / shape if shape < 1.0 else 0.0
            d[side, k] = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
            c[side, k] = 1.0 / math.sqrt(9.0 * d[side, k])
    used, back = 0, uniforms.size
    k = done % size
    for place in range(done, draws.size):
        if active[k]:
            won, lost = 0.0, 0.0
            while won == 0.0 and used < normals.size:
                won = attempt(d[0, k], c[0, k], normals[used], uniforms[used])
                used += 1
            while lost == 0.0 and used < normals.size:
                lost = attempt(d[1, k], c[1, k], normals[used], uniforms[used])
                used += 1
            if lost == 0.0 or back - 2 < normals.size and more[0, k] + more[1, k] > 0.0:
                return place
            if more[0, k] + more[1, k] > 0.0:
                back -= 2
                odds = math.log(won / lost)
                if more[0, k] > 0.0:
                    odds += math.log(1.0 - uniforms[back]) * more[0, k]
                if more[1, k] > 0.0:
                    odds -= math.log(1.0 - uniforms[back + 1]) * more[1, k]
                draws[place // size, k] = chance(odds)
            else:
                draws[place // size, k] = won / (won + lost)
        k = k + 1 if k + 1 < size else 0
    return draws.size


@kernel(
    VOID(write(REAL, 1), write(REAL, 1), write(INT, 1), read(INT, 1), read(REAL, 1))
)
def fold(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Count N rewards in place: alpha += r, beta += 1 - r."""
    for n in range(arms.size):
        arm = arms[n]
        alpha[arm] += rewards[n]
        beta[arm] += 1.0 - rewards[n]
        pulls[arm] += 1


@kernel(
    VOID(
        write(REAL, 1), write(REAL, 1), write(INT, 1), REAL, read(INT, 1), read(REAL, 1)
    )
)
def fold_discounted(
    successes: NDArray[np.float64],
    failures: NDArray[np.float64],
    pulls: NDArray[np.int64],
    gamma: float,
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Count N rewards in place; before each, all that was counted is worth γ times."""
    for n in range(arms.size):
        arm = arms[n]
        for k in range(successes.size):
            # what is next to nothing becomes nothing: tiny numbers are slow
            kept = successes[k] * gamma
            successes[k] = kept if kept > LEAST_COUNT else 0.0
            kept = failures[k] * gamma
            failures[k] = kept if kept > LEAST_COUNT else 0.0
        successes[arm] += rewards[n]
        failures[arm] += 1.0 - rewards[n]
        pulls[arm] += 1
