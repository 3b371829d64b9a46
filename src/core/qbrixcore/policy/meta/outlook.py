"""What follows from evidence: chances of arms, and of learners to act.

Shapes: K arms, F learners without context, L learners.
"""

from __future__ import annotations

import math
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixcore.policy import leading
from qbrixcore.policy.meta.spec import MetaBanditHyper
from qbrixkernels import mixture

Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]

# the share that all learners have together, whatever they are worth
FLOOR: Final = 0.01
# a reward of an arm never seen is worth one drawn from all rewards
PRIOR_REWARDS: Final = 1.0
MOST_SPACING: Final = 64
# sums inside chances may be reordered for vector instructions; what is learned from
# them must not depend on the machine, so that they are rounded
_GRID: Final = 2.0**-32


def next_update(count: int) -> int:
    """After how many rewards in all the outlook is next due, beyond ``count``.

    After every reward at first, then every √n / 2 to √n, at most every 64.
    """
    spacing = 1
    if count >= 16:
        spacing = min(1 << (count.bit_length() - 3 >> 1), MOST_SPACING)
    return (count // spacing + 1) * spacing


def scale_of(moments: Reals) -> tuple[float, float]:
    """Centre and spread of the rewards; 0 and 1 before there are two."""
    count, centre, squares = moments.tolist()
    if count < 2.0:
        return 0.0, 1.0
    return centre, math.sqrt(max(squares / count, 0.0)) or 1.0


def chances_of(
    hyper: MetaBanditHyper, evidence: Reals, scale: Reals, offered: Mask
) -> Reals:
    """P(arm is best) (F, K) with each learner without context, 0 where not offered."""
    gain, _, _ = evidence
    counts, share = _effective(evidence)
    if hyper.reward_type == "continuous":
        centre, spread = scale.tolist()
        total = counts + PRIOR_REWARDS
        means = (gain * share + centre * PRIOR_REWARDS) / total
        return _rounded(leading.of_normals(means, spread / np.sqrt(total), offered))
    wins = np.clip(gain * share, 0.0, counts)
    losses = counts - wins
    return _rounded(
        np.stack(
            [
                leading.of_betas(1.0 + won, 1.0 + lost, offered)
                for won, lost in zip(wins, losses, strict=True)
            ]
        )
    )


def shares_of(merit: Reals) -> Reals:
    """The (L,) probabilities with which learners act: those of being the best.

    What each would earn has a Beta posterior, taken for the normal distribution of the
    same mean and variance: a tenth of the time, for a choice that need not be exact.
    """
    counts, share = _effective(merit)
    total = counts + 2.0
    means = (np.clip(merit[0] * share, 0.0, counts) + 1.0) / total
    deviations = np.sqrt(means * (1.0 - means) / (total + 1.0))
    everyone = np.ones(counts.size, dtype=np.bool_)
    best = leading.of_normals(means[None], deviations[None], everyone)[0]
    return _rounded((1.0 - FLOOR) * best + FLOOR / counts.size)


def offered_of(missed: Reals) -> Mask:
    """Which arms seem to be active."""
    offered: Mask = missed <= mixture.PATIENCE
    return offered


def offered_in(chances: Reals) -> Mask:
    """Which arms seemed to be active when these ``chances`` were worked out."""
    offered: Mask = chances[0] > 0.0
    return offered


def _effective(sums: Reals) -> tuple[Reals, Reals]:
    """(Σw)² / Σw², how many rewards the evidence is worth, and Σw / Σw²."""
    _, weight, square = sums
    share = np.divide(weight, square, out=np.zeros_like(weight), where=square > 0.0)
    return weight * share, share


def _rounded(chances: Any) -> Reals:
    rounded: Reals = np.maximum(np.rint(chances / _GRID), chances > 0.0) * _GRID
    return rounded
