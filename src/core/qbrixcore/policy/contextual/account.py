"""Contexts in flight, for rules whose confidence is that of a regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.account import Designs
from qbrixkernels import logistic
from qbrixkernels import widening


class Inverses(Designs[BaseParamState]):
    """A⁻¹ of each arm as ridge regressions keep it."""

    def __init__(self, state: BaseParamState) -> None:
        super().__init__(state, "inverse")

    def _absorb(
        self,
        design: NDArray[np.float64],
        arms: NDArray[np.int64],
        contexts: NDArray[np.float32],
    ) -> None:
        widening.absorb(design, arms, contexts)


class Factors(Designs[BaseParamState]):
    """The factor of A⁻¹ of each arm as generalised linear models keep it."""

    def __init__(self, state: BaseParamState) -> None:
        super().__init__(state, "design")

    def _absorb(
        self,
        design: NDArray[np.float64],
        arms: NDArray[np.int64],
        contexts: NDArray[np.float32],
    ) -> None:
        logistic.fold_design(design, arms, contexts)
