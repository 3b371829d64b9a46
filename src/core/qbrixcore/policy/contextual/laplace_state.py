"""The state of policies that keep one logistic regression per arm."""

from __future__ import annotations

from typing import Annotated
from typing import Any
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import Layout
from qbrixcore.param.state import PerArmVector

# a covariance LᵀVL per arm, packed: T = D (D + 1) / 2
Factor: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("K", "T"))]


class LaplaceParamState(BaseParamState, frozen=True):
    """A Gaussian posterior of the weights per arm, of log odds linear in the features.

    ``mean`` is its mean and ``factor`` its covariance Σ = LᵀVL, packed: the rows of the
    unit lower triangular L, T = D (D + 1) / 2 numbers, with the diagonal matrix V in
    the place of the ones.
    """

    mean: PerArmVector
    factor: Factor

    @classmethod
    def axes(cls, hyper: Any) -> dict[str, int]:
        """Lengths of the axes other than K."""
        return {"D": hyper.dim, "T": hyper.dim * (hyper.dim + 1) // 2}


def laplace_prior(num_arms: int, dim: int, precision: float) -> LaplaceParamState:
    """The state before any reward: weights are N(0, 1 / ``precision``)."""
    factor = np.zeros((num_arms, dim * (dim + 1) // 2))
    ends = np.cumsum(np.arange(1, dim + 1)) - 1
    factor[:, ends] = 1.0 / precision
    return LaplaceParamState(
        num_arms=num_arms,
        dim=dim,
        pulls=np.zeros(num_arms, dtype=np.int64),
        mean=np.zeros((num_arms, dim)),
        factor=factor,
    )
