"""Exponential weights, in the log domain.

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

# differences of log weights saturate here, so that they stay finite
LARGEST: Final = 1e300


@part
def mixed(
    log_weights: NDArray[np.float64], active: NDArray[np.bool_], gamma: float
) -> NDArray[np.float64]:
    """The (K,) probabilities (1 - γ) w / Σw + γ / K over the active arms."""
    count = 0
    top = -np.inf
    for k in range(active.size):
        if active[k]:
            count += 1
            top = max(top, log_weights[k])
    p = np.zeros(active.size)
    total = 0.0
    for k in range(active.size):
        if active[k]:
            p[k] = math.exp(log_weights[k] - top)
            total += p[k]
    for k in range(active.size):
        if active[k]:
            p[k] = (1.0 - gamma) * p[k] / total + gamma / count
    return p


@kernel(
    VOID(
        read(REAL, 1), read(BOOL, 1), REAL, read(REAL, 1), write(INT, 1), write(REAL, 1)
    )
)
def select_mixed(
    log_weights: NDArray[np.float64],
    active: NDArray[np.bool_],
    gamma: float,
    draws: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Draw N arms from the mixed probabilities; ``draws`` are uniform in [0, 1).

    Fills ``arms`` and their exact probabilities, both (N,). An arm whose probability
    is zero is never drawn.
    """
    p = mixed(log_weights, active, gamma)
    reached = np.cumsum(p)
    last = 0
    for k in range(p.size):
        if p[k] > 0.0:
            last = k
    for n in range(draws.size):
        level = draws[n] * reached[-1]
        arm = 0
        while arm < last and reached[arm] <= level:
            arm += 1
        arms[n] = arm
        propensities[n] = p[arm]


@kernel(
    VOID(
        write(REAL, 1),
        write(INT, 1),
        REAL,
        read(INT, 1),
        read(REAL, 1),
        read(REAL, 1),
    )
)
def fold_mixed(
    log_weights: NDArray[np.float64],
    pulls: NDArray[np.int64],
    gamma: float,
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    propensities: NDArray[np.float64],
) -> None:
    """Learn N rewards in place: log w += (γ / K) r / p, with p as at the choice.

    Log weights mean something up to a common constant only; after every reward the
    largest is zero again.
    """
    rate = gamma / log_weights.size
    for n in range(arms.size):
        arm = arms[n]
        gain = rate * rewards[n] / propensities[n]
        log_weights[arm] += min(gain, LARGEST)
        pulls[arm] += 1
        top = log_weights[arm]
        if top > 0.0:
            for k in range(log_weights.size):
                log_weights[k] = max(log_weights[k] - top, -LARGEST)


@kernel(
    VOID(
        read(REAL, 1), read(BOOL, 1), REAL, read(REAL, 1), write(INT, 1), write(REAL, 1)
    )
)
def select_implicit(
    losses: NDArray[np.float64],
    active: NDArray[np.bool_],
    eta: float,
    draws: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Draw N arms from p ∝ exp(-η L) over the active arms, as ``select_mixed`` does."""
    least = np.inf
    for k in range(losses.size):
        if active[k]:
            least = min(least, losses[k])
    log_weights = np.empty(losses.size)
    for k in range(losses.size):
        log_weights[k] = max(-eta * (losses[k] - least), -LARGEST)
    select_mixed(log_weights, active, 0.0, draws, arms, propensities)


@part
def anytime(arms: int, turn: float) -> float:
    """η_t = √(ln K / (K t)), the rate of the t-th reward."""
    return math.sqrt(math.log(arms) / (arms * turn))


@kernel(
    VOID(
        write(REAL, 1),
        write(INT, 1),
        REAL,
        read(INT, 1),
        read(REAL, 1),
        read(REAL, 1),
    )
)
def fold_implicit(
    losses: NDArray[np.float64],
    pulls: NDArray[np.int64],
    eta: float,
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    propensities: NDArray[np.float64],
) -> None:
    """Learn N rewards in place: L += (1 - r) / (p + η/2), with p as at the choice.

    ``eta`` 0 stands for the rate that falls with the number of rewards learned.
    """
    turn = float(pulls.sum())
    for n in range(arms.size):
        arm = arms[n]
        turn += 1.0
        rate = eta if eta > 0.0 else anytime(losses.size, turn)
        loss = (1.0 - rewards[n]) / (propensities[n] + 0.5 * rate)
        losses[arm] = min(losses[arm] + loss, LARGEST)
        pulls[arm] += 1
