"""Contexts that an arm's inverse knows of before their rewards are learned.

Shapes: K arms, D features, N choices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write


@kernel(VOID(write(REAL, 3), read(INT, 1), read(SINGLE, 2)))
def absorb(
    inverse: NDArray[np.float64],
    arms: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> None:
    """Make (A + Σ xxᵀ)⁻¹ of the ``inverse`` (K, D, D) of each arm chosen, in place.

    Sherman-Morrison, row by row. Symmetric inverses stay exactly symmetric.
    """
    size = vectors.shape[1]
    x = np.empty(size)
    u = np.empty(size)
    for n in range(arms.size):
        wide = inverse[arms[n]]
        u[:] = 0.0
        for i in range(size):
            x[i] = vectors[n, i]
            for j in range(size):
                u[j] += wide[i, j] * x[i]
        leverage = 0.0
        for i in range(size):
            leverage += x[i] * u[i]
        share = 1.0 / (1.0 + max(leverage, 0.0))
        for i in range(size):
            for j in range(size):
                wide[i, j] -= (u[i] * u[j]) * share
