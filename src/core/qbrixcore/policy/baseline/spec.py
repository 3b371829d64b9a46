"""Specs of the baselines."""

from __future__ import annotations

import numpy as np

from qbrixcore.param.hyper import Hyper
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import PolicySpec


class RandomHyper(Hyper, frozen=True):
    """Nothing to set."""


class RandomParamState(BaseParamState, frozen=True):
    """Nothing learned but ``pulls``."""


def _random_prior(num_arms: int, hyper: RandomHyper) -> RandomParamState:
    return RandomParamState(num_arms=num_arms, pulls=np.zeros(num_arms, dtype=np.int64))


RANDOM = PolicySpec(
    name="RandomPolicy",
    category="baseline",
    description=(
        "Every active arm with the same probability, whatever happens. An A/B test, "
        "and the control for other policies; for any reward."
    ),
    rewards=ANY_NUMBER,
    hyper=RandomHyper,
    state=RandomParamState,
    prior=_random_prior,
    implementation="qbrixcore.policy.baseline.random:RandomPolicy",
)

SPECS = (RANDOM,)
