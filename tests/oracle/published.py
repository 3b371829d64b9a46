"""Cumulative regret that others published: K = 9, means .1 to .9, T = 10,000.

Beta Thompson sampling, KL-UCB and UCB: SMPyBandits, plots/paper/example.hdf5, 1,000
runs. The others: independent reproductions of the same problem by the rules of their
papers, 1,000 runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEANS = np.arange(1, 10) / 10
HORIZON = 10_000
CHECKPOINTS = (100, 1000, 5000, HORIZON)
RUNS = 1000


class Figure(NamedTuple):
    """Mean regret after each of the last checkpoints, and its error at the horizon."""

    policy: str
    regret: tuple[float, ...]
    stderr: float


FIGURES = (
    Figure("BetaTSPolicy", (14.74, 28.65, 37.58, 41.56), 0.41),
    Figure("BetaTSPolicy", (42.06,), 0.26),
    Figure("KLUCBPolicy", (14.25, 35.12, 51.96, 57.88), 0.37),
    Figure("KLUCBPolicy", (58.14,), 0.27),
    Figure("UCB", (18.13, 55.08, 86.22, 101.03), 0.54),
    Figure("UCB", (101.26,), 0.38),
    Figure("KLUCBPlusPolicy", (46.98,), 0.20),
    Figure("UCB1TunedPolicy", (56.05,), 0.64),
    Figure("MOSSPolicy", (87.48,), 0.29),
    Figure("MOSSAnyTimePolicy", (94.71,), 0.29),
    Figure("EXP3IXPolicy", (313.9,), 0.6),
)
