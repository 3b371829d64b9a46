"""With what probability a policy would choose each arm, given what it has learned.

Shapes: N rows, K arms, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import BasePolicy

Reals = NDArray[np.float64]
Vectors = NDArray[np.float32]

TRIES = 4000


def chances(
    policy: type[BasePolicy[Any]],
    hyper: Any,
    state: BaseParamState,
    contexts: Vectors,
    rng: np.random.Generator,
) -> Reals:
    """Probabilities (N, K) of all arms in each row of ``contexts`` (N, D).

    As exact as the policy's own propensities. Where it states only those of its
    choices, it is asked until what it has stated adds up to 1, or ``TRIES`` times, and
    what is missing then is spread evenly over the other arms; where it states none, its
    choices are counted as often. Raises InvalidContext.
    """
    if not state.dim:
        contexts = np.empty((len(contexts), 0), dtype=np.float32)
    rows, back = np.unique(contexts, axis=0, return_inverse=True)
    found = policy.chances(hyper, state, rows, np.ones(state.num_arms, dtype=np.bool_))
    if found is None:
        found = np.array([_row(policy, hyper, state, row[None], rng) for row in rows])
    whole: Reals = found / found.sum(axis=1, keepdims=True)
    return whole[back.reshape(-1)]


def _row(
    policy: type[BasePolicy[Any]],
    hyper: Any,
    state: BaseParamState,
    row: Vectors,
    rng: np.random.Generator,
) -> Reals:
    active = np.ones(state.num_arms, dtype=np.bool_)
    none = InFlight.none(state.num_arms)
    stated = np.zeros(state.num_arms)
    for _ in range(TRIES):
        arms, p = policy.select_many(hyper, state, row, active, none, rng)
        if np.isnan(p[0]):
            return _counted(policy, hyper, state, row, rng)
        stated[arms[0]] = p[0]
        if stated.sum() > 1.0 - 1e-9:
            return stated
    unseen = stated == 0.0
    stated[unseen] = max(0.0, 1.0 - stated.sum()) / max(1, np.count_nonzero(unseen))
    return stated


def _counted(
    policy: type[BasePolicy[Any]],
    hyper: Any,
    state: BaseParamState,
    row: Vectors,
    rng: np.random.Generator,
) -> Reals:
    active = np.ones(state.num_arms, dtype=np.bool_)
    none = InFlight.none(state.num_arms)
    frame = np.repeat(row, TRIES, axis=0)
    arms, _ = policy.select_many(hyper, state, frame, active, none, rng)
    return np.bincount(arms, minlength=state.num_arms) / TRIES
