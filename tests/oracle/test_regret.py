"""Every published regret figure, within 4 combined standard errors.

``make oracle`` plays as many runs as the publications, and prints the table.
"""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest
from tests.oracle.published import CHECKPOINTS
from tests.oracle.published import FIGURES
from tests.oracle.published import HORIZON
from tests.oracle.published import MEANS
from tests.oracle.published import RUNS
from tests.oracle.published import Figure

from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.curve import Curve
from qbrixcore.simulation.run import simulate
from qbrixcore.simulation.stochastic import Bernoulli

OURS = int(os.environ.get("QBRIX_ORACLE_RUNS", "60"))


@functools.cache
def played(policy: str) -> Curve:
    problem = Bernoulli(MEANS)
    contestant = Contestant.of(policy, problem, HORIZON)
    [curve] = simulate(problem, [contestant], HORIZON, OURS, checkpoints=CHECKPOINTS)
    return curve


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.policy}-{f.regret[-1]}")
def test_published_regret(figure: Figure) -> None:
    curve = played(figure.policy)
    columns = slice(-len(figure.regret), None)
    mean, ours = curve.mean[columns], curve.stderr[columns]
    # where no error is published, it is that of as many runs as were made there
    theirs = ours * np.sqrt(OURS / RUNS)
    theirs[-1] = figure.stderr
    errors = (mean - figure.regret) / np.hypot(ours, theirs)
    for n, steps in enumerate(CHECKPOINTS[columns]):
        print(
            f"{figure.policy:<18} R{steps:<6} published {figure.regret[n]:7.2f}"
            f" ± {theirs[n]:4.2f}   ours {mean[n]:7.2f} ± {ours[n]:4.2f}"
            f"   {errors[n]:+5.1f} combined errors"
        )
    assert np.abs(errors).max() < 4.0
