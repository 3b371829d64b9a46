"""The state of policies that keep one ridge regression per arm."""

from __future__ import annotations

import numpy as np

from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import PerArmMatrix
from qbrixcore.param.state import PerArmVector


class RidgeParamState(BaseParamState, frozen=True):
    """One ridge regression per arm.

    ``gram`` is λI + Σ x xᵀ and ``moment`` is Σ r x, both exact sums; ``inverse`` is
    gram⁻¹, kept by rank-one updates and recomputed from ``gram`` on schedule;
    ``theta`` is inverse · moment. Selecting reads the last two only.
    """

    gram: PerArmMatrix
    inverse: PerArmMatrix
    moment: PerArmVector
    theta: PerArmVector


def ridge_prior(num_arms: int, dim: int, ridge: float) -> RidgeParamState:
    """The state before any reward: gram is ``ridge`` times the identity."""
    gram = np.zeros((num_arms, dim, dim))
    inverse = np.zeros((num_arms, dim, dim))
    diagonal = np.arange(dim)
    gram[:, diagonal, diagonal] = ridge
    inverse[:, diagonal, diagonal] = 1.0 / ridge
    return RidgeParamState(
        num_arms=num_arms,
        dim=dim,
        pulls=np.zeros(num_arms, dtype=np.int64),
        gram=gram,
        inverse=inverse,
        moment=np.zeros((num_arms, dim)),
        theta=np.zeros((num_arms, dim)),
    )
