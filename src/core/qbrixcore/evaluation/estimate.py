"""Estimates of the mean reward of a target policy.

Shapes: N rows, K arms. A ``target`` is float64 (N, K): the probability with which the
evaluated policy would have chosen each arm in each row.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.evaluation.interval import Interval
from qbrixcore.evaluation.interval import around
from qbrixcore.evaluation.interval import bounded
from qbrixcore.evaluation.interval import resampled
from qbrixcore.evaluation.log import Log
from qbrixcore.evaluation.reward_model import cross_fitted

Reals = NDArray[np.float64]

NORMAL = Interval()


class Estimate(msgspec.Struct, frozen=True):
    """A mean reward per choice, its standard error and its confidence interval."""

    value: float
    stderr: float
    low: float
    high: float


def importance(log: Log, target: Reals) -> Reals:
    """The weights (N,): how much likelier the target is to make each choice.

    Raises Invalid when the target is not (N, K) probabilities.
    """
    if target.shape != (len(log), log.num_arms):
        raise Invalid(f"the target must be of shape {(len(log), log.num_arms)}")
    whole = np.allclose(target.sum(axis=1), 1.0, atol=1e-6)
    if not whole or not target.min() >= 0.0:
        raise Invalid("the probabilities of every row must be positive and sum to 1")
    weights: Reals = target[np.arange(len(log)), log.arms] / log.propensities
    return weights


def effective_rows(log: Log, target: Reals) -> float:
    """(Σw)² / Σw²: rows of the target's own that the log is worth."""
    weights = importance(log, target)
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def on_policy(log: Log, interval: Interval = NORMAL) -> Estimate:
    """The mean reward of the policy that made the log."""
    return _of_mean(log.rewards, log.rewards, 1.0, interval)


def ips(log: Log, target: Reals, interval: Interval = NORMAL) -> Estimate:
    """Inverse propensity scoring: the mean of w r. Unbiased; noisy for large weights.

    Raises Invalid.

    >>> log = Log.of([0, 1, 0, 1], [1.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5])
    >>> always_first = np.array([[1.0, 0.0]] * 4)
    >>> ips(log, always_first).value
    1.0

    References
    ----------
    .. [1] Horvitz, D. and Thompson, D. (1952). A generalization of sampling without
       replacement from a finite universe. JASA 47.
    .. [2] Li, L., Chu, W., Langford, J. and Wang, X. (2011). Unbiased offline
       evaluation of contextual-bandit-based news article recommendation. WSDM.
    """
    weights = importance(log, target)
    largest = interval.largest_weight or float(weights.max())
    return _of_mean(weights * log.rewards, log.rewards, largest, interval)


def snips(log: Log, target: Reals, interval: Interval = NORMAL) -> Estimate:
    """Self-normalised IPS: Σ w r / Σ w. Slightly biased, steadier, never out of range.

    Raises Invalid: where no row has a weight, and for a Bernstein interval, which holds
    for means and not for ratios.

    References
    ----------
    .. [1] Swaminathan, A. and Joachims, T. (2015). The self-normalized estimator for
       counterfactual learning. NeurIPS 28.
    """
    weights = importance(log, target)
    mass = float(weights.mean())
    if mass == 0.0:
        raise Invalid("the target never does what was logged")
    if interval.kind == "bernstein":
        raise Invalid("a bernstein interval holds for ips only, not for a ratio")
    value = float((weights * log.rewards).mean()) / mass
    error = _error(weights * (log.rewards - value) / mass)
    if interval.kind == "bootstrap":
        low, high = resampled(weights * log.rewards, weights, interval)
    else:
        low, high = around(value, error, interval.level)
    return Estimate(value, error, low, high)


def doubly_robust(
    log: Log,
    target: Reals,
    interval: Interval = NORMAL,
    expected: Reals | None = None,
) -> Estimate:
    """The mean of Σ_a π(a) q(a) + w (r - q(A)): a model, corrected by weighted errors.

    Unbiased whatever the model q, and the less noisy the better it is. ``expected`` is
    q, (N, K), which must not have learned from the row it is used in; by default
    ``cross_fitted(log)``. Raises Invalid, also for a Bernstein interval, because the
    errors of a model have no bound that is known.

    References
    ----------
    .. [1] Dudík, M., Langford, J. and Li, L. (2011). Doubly robust policy evaluation
       and learning. ICML.
    .. [2] Chernozhukov, V. et al. (2018). Double/debiased machine learning for
       treatment and structural parameters. Econometrics J. 21. Cross-fitting.
    """
    weights = importance(log, target)
    if interval.kind == "bernstein":
        raise Invalid("a bernstein interval holds for ips only, not for a model")
    q = cross_fitted(log) if expected is None else expected
    if q.shape != target.shape:
        raise Invalid(f"expected rewards must be of shape {target.shape}")
    errors = log.rewards - q[np.arange(len(log)), log.arms]
    terms = (target * q).sum(axis=1) + weights * errors
    return _of_mean(terms, terms, 1.0, interval)


def _of_mean(
    terms: Reals, rewards: Reals, largest_weight: float, interval: Interval
) -> Estimate:
    if terms.size < 2:
        raise Invalid("an interval needs two rows")
    value, error = float(terms.mean()), _error(terms)
    if interval.kind == "bootstrap":
        low, high = resampled(terms, None, interval)
    elif interval.kind == "bernstein":
        least = min(0.0, float(rewards.min())) * largest_weight
        most = max(1.0, float(rewards.max())) * largest_weight
        low, high = bounded(terms, least, most, interval.level)
    else:
        low, high = around(value, error, interval.level)
    return Estimate(value, error, low, high)


def _error(terms: Reals) -> float:
    return float(terms.std(ddof=1) / np.sqrt(terms.size))
