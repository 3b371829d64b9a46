"""Several learners that share one log: what each has seen, and how well each would do.

Shapes: K arms, N choices or observations, L learners, the first F of them without
context and A with. ``chances`` (F, K) is the probability of each arm with each of the
former.
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

# importance weights are clipped here: less variance for a little bias
HEAVIEST: Final = 10.0
# and rewards here, so that their squares stay finite
LARGEST: Final = 1e120
# what is left of old evidence is nothing below this
LEAST: Final = 1e-100
# a reward so many deviations from the mean is worth 0 or 1
REACH: Final = 3.0
# an arm that was expected so often and never came is not offered any more, provided
# that it takes so many rewards to see
PATIENCE: Final = 12.0
_FASTEST: Final = PATIENCE / 256.0


@part
def remember(
    moments: NDArray[np.float64], reward: float, memory: float, unbounded: bool
) -> float:
    """Take a reward into the ``moments`` (3,), and say what it is worth in [0, 1].

    They are the discounted number of rewards, their mean and their squared deviations.
    """
    moments[0] = memory * moments[0] + 1.0
    surprise = reward - moments[1]
    moments[1] += surprise / moments[0]
    moments[2] = memory * moments[2] + surprise * (reward - moments[1])
    if not unbounded:
        return reward
    spread = math.sqrt(max(moments[2] / moments[0], 0.0))
    if spread == 0.0:
        return 0.5
    place = 0.5 + 0.5 * (reward - float(moments[1])) / (REACH * spread)
    return min(max(place, 0.0), 1.0)


@part
def fade(
    gain: NDArray[np.float64],
    weight: NDArray[np.float64],
    square: NDArray[np.float64],
    memory: float,
) -> None:
    """Multiply evidence (K,) of K things by ``memory``."""
    if memory < 1.0:
        for k in range(gain.size):
            gain[k] *= memory
            weight[k] *= memory
            square[k] *= memory
            if weight[k] < LEAST:
                gain[k] = 0.0
                weight[k] = 0.0
                square[k] = 0.0


@part
def expect(
    missed: NDArray[np.float64],
    plain: NDArray[np.float64],
    favourites: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> None:
    """Count for every arm, in ``missed``, how probably this choice was to be it.

    ``plain`` (K,) is the probability of those without context; ``favourites`` (A,) are
    the arms of the others, -1 where undecided, and ``shares`` (A,) their weights.
    """
    for k in range(missed.size):
        expected = plain[k]
        for a in range(favourites.size):
            if favourites[a] == k:
                expected += shares[a]
        missed[k] += min(expected, _FASTEST)


@kernel(
    VOID(
        read(INT, 1),
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 2),
        read(INT, 2),
        read(REAL, 1),
        read(REAL, 2),
        read(REAL, 1),
        REAL,
        BOOL,
        BOOL,
        write(REAL, 3),
        write(REAL, 2),
        write(REAL, 1),
        write(REAL, 1),
    )
)
def credit(
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    propensities: NDArray[np.float64],
    odds: NDArray[np.float64],
    favourites: NDArray[np.int64],
    shares: NDArray[np.float64],
    chances: NDArray[np.float64],
    memories: NDArray[np.float64],
    recall: float,
    weighted: bool,
    unbounded: bool,
    evidence: NDArray[np.float64],
    merit: NDArray[np.float64],
    moments: NDArray[np.float64],
    missed: NDArray[np.float64],
) -> None:
    """Learn N rewards in place, and what they say of each learner.

    ``evidence`` (3, F, K) holds discounted sums of w r, w and w² of each arm, by the
    ``memories`` (F,); w is one, or one over the propensity if ``weighted``. ``merit``
    (3, L) holds the same sums of each learner, discounted by ``recall``, where w is its
    probability of the arm taken over the propensity. That probability is in
    ``chances``, or in ``odds`` (N, A), where also ``favourites`` (N, A) are known.
    ``shares`` (L,) are the probabilities with which learners act.
    """
    free = chances.shape[0]
    plain = np.zeros(missed.size)
    for f in range(free):
        for k in range(missed.size):
            plain[k] += shares[f] * chances[f, k]
    for n in range(arms.size):
        arm = arms[n]
        reward = min(max(rewards[n], -LARGEST), LARGEST)
        worth = remember(moments, reward, recall, unbounded)
        rarity = 1.0 / max(propensities[n], 1e-9)
        fade(merit[0], merit[1], merit[2], recall)
        for i in range(shares.size):
            chance = chances[i, arm] if i < free else odds[n, i - free]
            w = min(chance * rarity, HEAVIEST)
            merit[0, i] += w * worth
            merit[1, i] += w
            merit[2, i] += w * w
        w = min(rarity, HEAVIEST) if weighted else 1.0
        for f in range(free):
            fade(evidence[0, f], evidence[1, f], evidence[2, f], memories[f])
            evidence[0, f, arm] += w * reward
            evidence[1, f, arm] += w
            evidence[2, f, arm] += w * w
        expect(missed, plain, favourites[n], shares[free:])
        missed[arm] = 0.0
