"""One step of any policy as a compiled function of flat arrays.

A policy enters an episode as two functions of one form: ``choose(state, hyper, ask)``
draws what its kernel needs and calls it for one row, ``learn(state, hyper, log)`` calls
its kernel for N rows. ``hyper`` (H,) holds its parameters in the order declared, NaN
for one that is absent.
"""

from __future__ import annotations

from typing import Any
from typing import Final
from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import read
from qbrixkernels.declare import write


class State(NamedTuple):
    """All float64 and all int64 arrays of a state, end to end in the order declared."""

    reals: NDArray[np.float64]
    counts: NDArray[np.int64]


class Ask(NamedTuple):
    """What one choice knows, and where it goes: ``arms`` (1,), ``propensities`` (1,).

    ``contexts`` is (1, D), ``active`` and ``in_flight`` (K,), ``gram`` in flight
    (K, D, D), or (0, D, D) where it is not told.
    """

    contexts: NDArray[np.float32]
    active: NDArray[np.bool_]
    in_flight: NDArray[np.float64]
    gram: NDArray[np.float64]
    rng: np.random.Generator
    arms: NDArray[np.int64]
    propensities: NDArray[np.float64]


class Log(NamedTuple):
    """N rewards to learn: ``vectors`` is (N, D), the others (N,)."""

    arms: NDArray[np.int64]
    rewards: NDArray[np.float64]
    propensities: NDArray[np.float64]
    vectors: NDArray[np.float32]


def _typed(cls: Any, *fields: Any) -> Any:
    return types.NamedTuple(fields, cls)


RNG: Final = numba.typeof(np.random.default_rng(0))
STATE: Final = _typed(State, write(REAL, 1), write(INT, 1))
HYPER: Final = read(REAL, 1)
ASK: Final = _typed(
    Ask,
    write(SINGLE, 2),
    write(BOOL, 1),
    write(REAL, 1),
    write(REAL, 3),
    RNG,
    write(INT, 1),
    write(REAL, 1),
)
LOG: Final = _typed(
    Log, write(INT, 1), write(REAL, 1), write(REAL, 1), write(SINGLE, 2)
)
CHOOSE: Final = VOID(STATE, HYPER, ASK)
LEARN: Final = VOID(STATE, HYPER, LOG)
