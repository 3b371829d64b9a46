"""Target policies: the probability of every arm in every row of a log.

Shapes: N rows, K arms, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.evaluation.chances import chances
from qbrixcore.evaluation.log import Log
from qbrixcore.param.hyper import Hyper
from qbrixcore.policy.base import BasePolicy

Reals = NDArray[np.float64]


def uniform(log: Log) -> Reals:
    """Every arm alike, (N, K)."""
    return np.full((len(log), log.num_arms), 1.0 / log.num_arms)


def always(log: Log, arm: int) -> Reals:
    """One arm, (N, K). Raises Invalid when there is no such arm."""
    if not 0 <= arm < log.num_arms:
        raise Invalid(f"there is no arm {arm}, only 0 to {log.num_arms - 1}")
    target = np.zeros((len(log), log.num_arms))
    target[:, arm] = 1.0
    return target


def frequencies(
    log: Log,
    arms: NDArray[np.int64],
    here: NDArray[Any] | None = None,
    there: NDArray[Any] | None = None,
) -> Reals:
    """As often as a policy chose each arm elsewhere, ``arms`` (M,); gives (N, K).

    Where what it did depends on a group, ``here`` (N,) and ``there`` (M,) name the
    group of each row. Raises Invalid for a group of the log that is not found there.
    """
    if here is None or there is None:
        here, there = np.zeros(len(log)), np.zeros(arms.size)
    target = np.empty((len(log), log.num_arms))
    for group in np.unique(here):
        seen = np.bincount(arms[there == group], minlength=log.num_arms)
        if not seen.sum() or seen.size > log.num_arms:
            raise Invalid(f"no frequencies for rows of {group}")
        target[here == group] = seen / seen.sum()
    return target


def learned(
    policy: type[BasePolicy[Any]], hyper: Hyper, past: Log, log: Log, seed: int = 0
) -> Reals:
    """What a policy would do in the rows of ``log`` once it has learned ``past``.

    It learns all of the past and nothing of the log. Raises InvalidFeedback when it
    cannot learn such rewards, InvalidContext when the contexts are not its own.
    """
    prior = policy.spec.prior(log.num_arms, hyper)
    state = policy.fold(hyper, prior, past.feedback())
    rng = np.random.default_rng(seed)
    return chances(policy, hyper, state, log.contexts, rng)
