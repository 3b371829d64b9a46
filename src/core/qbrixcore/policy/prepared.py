"""What is worked out once for a state and a mask, instead of at every choice.

Shapes: K arms, N choices.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

ROUNDING: Final = 1e-12


class Prepared(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The probability that each arm is chosen, whatever the context.

    ``propensities`` is float64 (K,), > 0 for every active arm and 0 for the others.
    ``reached`` (K,), their cumulative sum up to exactly 1, is there where choices are
    to be drawn from them.
    """

    propensities: NDArray[np.float64]
    reached: NDArray[np.float64] | None = None

    @classmethod
    def to_draw_from(cls, chances: NDArray[np.float64]) -> Prepared:
        """Of ``chances`` (K,), >= 0 and not all 0, which are made to sum to one."""
        reached = np.cumsum(chances)
        total = reached[-1]
        reached /= total
        # one that lacks no more than the rounding of a sum is told as it is, so that
        # whoever learns by it learns the same bits without anything prepared
        if abs(total - 1.0) > ROUNDING:
            chances = chances / total
        return cls(chances, reached)


def drawn(
    reached: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Arms (N,) of cumulative probabilities (K,), for ``levels`` uniform in [0, 1).

    An arm without a chance is never drawn: it reaches no further than the one before.
    """
    arms: NDArray[np.int64] = reached.searchsorted(levels, "right")
    return arms
