"""What each arm is expected to pay in each row, learned from the other rows.

Shapes: N rows, K arms, D features, F folds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.evaluation.log import Log

Reals = NDArray[np.float64]


def cross_fitted(log: Log, folds: int = 5, ridge: float = 1.0, seed: int = 0) -> Reals:
    """Expected rewards (N, K): one ridge regression per arm and fold.

    Rows are dealt to F folds at random; those of a fold are predicted by what the
    others teach, so that no row has a part in its own prediction. An arm departs from
    the mean reward of all as far as its own rows outweigh ``ridge``. Raises Invalid.
    """
    if not 2 <= folds <= len(log):
        raise Invalid(f"from 2 to {len(log)} folds are possible")
    if ridge <= 0.0:
        raise Invalid("ridge must be positive")
    fold = np.random.default_rng(seed).permutation(np.arange(len(log)) % folds)
    constant = np.ones((len(log), 1))
    features = np.hstack([constant, log.contexts.astype(np.float64)])
    expected = np.empty((len(log), log.num_arms))
    for held in range(folds):
        inside = fold == held
        weights, mean = _fit(
            log.rows(np.flatnonzero(~inside)), features[~inside], ridge
        )
        expected[inside] = mean + features[inside] @ weights.T
    return expected


def _fit(log: Log, features: Reals, ridge: float) -> tuple[Reals, float]:
    mean = float(log.rewards.mean())
    weights = np.zeros((log.num_arms, features.shape[1]))
    penalty = ridge * np.eye(features.shape[1])
    for arm in np.unique(log.arms):
        x = features[log.arms == arm]
        rest = log.rewards[log.arms == arm] - mean
        weights[arm] = np.linalg.solve(x.T @ x + penalty, x.T @ rest)
    return weights, mean
