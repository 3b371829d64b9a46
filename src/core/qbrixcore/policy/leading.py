"""With what probability each arm's posterior draw is the largest.

Shapes: K arms, N choices, P panels, Q nodes a panel.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import logodds
from qbrixkernels import maximum

Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]

# parameters of a Beta are taken as if they were no further out than this
SMALLEST: Final = 1e-9
LARGEST: Final = 1e15
MOST_PANELS: Final = 512
# what an arm costs at most, among few from cold caches: nanoseconds
BETA_NS: Final = 20_000.0
NORMAL_NS: Final = 2_500.0

# arms whose draw is 1 to double precision are equal: the draw is made among them, as if
# it went on evenly over these panels
_TIES: Final = np.array([0.5**n for n in range(1, 13)] + [0.5**12])


def of_normals(means: Reals, deviations: Reals, active: Mask) -> Reals:
    """P(arm is best) (N, K) of draws from N(mean, deviation²), 0 where not active."""
    chances = np.empty(means.shape)
    maximum.normal(means, deviations, active, chances)
    return chances


def of_betas(alpha: Reals, beta: Reals, active: Mask) -> Reals:
    """P(arm is best) (K,) of draws from Beta(α, β), 0 where not active."""
    chances = np.where(active, maximum.LEAST_CHANCE, 0.0)
    arms = np.flatnonzero(active)
    alpha = np.clip(alpha[arms], SMALLEST, LARGEST)
    beta = np.clip(beta[arms], SMALLEST, LARGEST)
    lows, highs = np.empty(arms.size), np.empty(arms.size)
    logodds.extents(alpha, beta, lows, highs)
    start = float(np.clip(lows.max(), logodds.LOWEST, logodds.HIGHEST))
    order = np.argsort(-highs)
    order = order[highs[order] > start]
    chances[arms[order]] = _of_sorted(
        alpha[order], beta[order], lows[order], highs[order], start
    )
    return chances


def _of_sorted(
    alpha: Reals, beta: Reals, lows: Reals, highs: Reals, start: float
) -> Reals:
    """The same for arms that can be best, the one with the highest end first."""
    count = alpha.size
    totals, below, above = np.empty(count), np.empty(count), np.empty(count)
    logodds.shares(alpha, beta, lows, highs, start, totals, below, above)
    widths, alive = np.empty(MOST_PANELS), np.empty(MOST_PANELS, dtype=np.int64)
    panels = logodds.plan(alpha, beta, highs, start, widths, alive)
    widths, alive = widths[:panels], alive[:panels]
    densities = np.empty((panels, logodds.ORDER, count))
    logodds.fill(alpha, beta, totals, start, widths, alive, densities)
    if above.any():
        widths = np.concatenate([widths, _TIES])
        alive = np.concatenate([alive, np.full(_TIES.size, count)])
        even = np.broadcast_to(above, (_TIES.size, logodds.ORDER, count))
        densities = np.concatenate([densities, even])
    chances = np.empty(count)
    everyone = np.ones(count, dtype=np.bool_)
    maximum.sweep(widths, densities, alive, below, everyone, chances)
    return chances
