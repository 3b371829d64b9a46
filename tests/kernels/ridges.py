"""Ridge regressions to choose by, and logs to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import ridge

Reals = NDArray[np.float64]


@dataclass
class Ridge:
    """The arrays of K arms and D features."""

    gram: Reals
    inverse: Reals
    moment: Reals
    theta: Reals
    pulls: NDArray[np.int64]

    @classmethod
    def fresh(cls, arms: int, dim: int, ridge_: float = 1.0) -> Ridge:
        gram = np.stack([np.eye(dim) * ridge_] * arms)
        inverse = np.stack([np.eye(dim) / ridge_] * arms)
        zeros = np.zeros((arms, dim))
        return cls(gram, inverse, zeros, zeros.copy(), np.zeros(arms, dtype=np.int64))

    def fold(
        self, arms: NDArray[np.int64], rewards: Reals, vectors: NDArray[np.float32]
    ) -> Ridge:
        ridge.fold(
            self.gram,
            self.inverse,
            self.moment,
            self.theta,
            self.pulls,
            arms,
            rewards,
            vectors,
        )
        return self

    def select(
        self,
        contexts: NDArray[np.float32],
        alpha: float = 1.0,
        in_flight: Reals | None = None,
        ties: Reals | None = None,
        active: NDArray[np.bool_] | None = None,
        kernel: Any = ridge.select_optimistic,
    ) -> tuple[NDArray[np.int64], Reals]:
        count, arms = len(contexts), len(self.theta)
        out, p = np.empty(count, dtype=np.int64), np.empty(count)
        kernel(
            self.gram,
            self.inverse,
            self.theta,
            alpha,
            contexts,
            np.ones(arms, dtype=np.bool_) if active is None else active,
            self.gram[:0] if in_flight is None else in_flight,
            np.zeros(count) if ties is None else ties,
            out,
            p,
        )
        return out, p


def log(
    rows: int, arms: int, dim: int, seed: int = 0
) -> tuple[NDArray[np.int64], Reals, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, arms, rows),
        rng.standard_normal(rows),
        rng.standard_normal((rows, dim)).astype(np.float32),
    )
