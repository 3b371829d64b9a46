"""Following the perturbed leader.

Shapes: K arms of which M are active, N observations, Q quadrature nodes.
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
from qbrixkernels.declare import read
from qbrixkernels.declare import write

# importance weights are clipped at one over this
LEAST_PROPENSITY: Final = 1e-6
_TINY: Final = float(np.finfo(np.float64).tiny)


@kernel(
    VOID(
        read(REAL, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 2),
        read(REAL, 1),
        write(INT, 1),
    )
)
def select(
    estimates: NDArray[np.float64],
    eta: float,
    active: NDArray[np.bool_],
    noise: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
) -> None:
    """Fill ``arms`` (N,) with the active arm of the largest R + η Z in each row.

    ``noise`` (N, K) is standard exponential; equal ones, which only noise beyond all
    measure leaves, are settled by ``ties`` (N,), uniform in [0, 1).
    """
    which = np.flatnonzero(active)
    equals = np.empty(which.size, dtype=np.int64)
    for n in range(noise.shape[0]):
        top = -np.inf
        equals[0] = which[0]
        equal = 0
        for k in which:
            score = estimates[k] + eta * noise[n, k]
            if score > top:
                top = score
                equal = 0
            if score == top:
                equals[equal] = k
                equal += 1
        arms[n] = equals[int(ties[n] * max(equal, 1))]


@kernel(
    VOID(
        read(REAL, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(REAL, 1),
    )
)
def propensities(
    estimates: NDArray[np.float64],
    eta: float,
    active: NDArray[np.bool_],
    nodes: NDArray[np.float64],
    shares: NDArray[np.float64],
    chances: NDArray[np.float64],
) -> None:
    """Fill ``chances`` (K,) with P(arm = argmax R + η Z) over the active arms.

    Z is standard exponential. With s_b = exp((R_b - max R) / η), the chance of a is
    s_a ∫ Π_{b≠a} (1 - s_b v) dv over [0, 1], a polynomial of degree M - 1:
    ``nodes`` and ``shares`` (Q,) of Gauss and Legendre on [0, 1] make it exact from
    Q = M/2 on. No active arm has a chance of 0.
    """
    top = -np.inf
    for k in range(active.size):
        if active[k]:
            top = max(top, estimates[k])
    scales = np.zeros(active.size)
    for k in range(active.size):
        chances[k] = 0.0
        if active[k]:
            scales[k] = math.exp((estimates[k] - top) / eta)
    for q in range(nodes.size):
        below = 1.0
        for k in range(active.size):
            below *= 1.0 - scales[k] * nodes[q]
        for k in range(active.size):
            if active[k]:
                chances[k] += shares[q] * below / (1.0 - scales[k] * nodes[q])
    for k in range(active.size):
        if active[k]:
            chances[k] = max(chances[k] * scales[k], _TINY)


@kernel(
    VOID(
        write(REAL, 1),
        write(INT, 1),
        write(INT, 1),
        read(INT, 1),
        read(REAL, 1),
        read(REAL, 1),
    )
)
def fold(
    estimates: NDArray[np.float64],
    clipped: NDArray[np.int64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    chances: NDArray[np.float64],
) -> None:
    """Learn N rewards in place: R -= (1 - r) / p, with p as at the choice.

    p is clipped from below, and ``clipped`` (K,) counts how often.
    """
    for n in range(arms.size):
        arm = arms[n]
        chance = chances[n]
        if chance < LEAST_PROPENSITY:
            chance = LEAST_PROPENSITY
            clipped[arm] += 1
        estimates[arm] -= (1.0 - rewards[n]) / chance
        pulls[arm] += 1
