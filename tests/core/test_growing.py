"""States that gain arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qbrixcore.context import Feedback
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

LOG = Feedback.of([0, 0, 1, 2, 2, 2], [1.0, 0.0, 1.0, 0.0, 0.0, 1.0], [0.5] * 6)


def learned(name: str, **params: object) -> tuple[Any, Any, Any]:
    spec = find_spec(name)
    hyper, policy = spec.validate(params), implementation(spec)
    return policy, hyper, policy.fold(hyper, spec.prior(3, hyper), LOG)


def test_new_arms_start_from_the_prior_behind_the_others() -> None:
    policy, hyper, state = learned("BetaTSPolicy", alpha_prior=2.0)
    grown = policy.grow(hyper, state, 5)
    assert grown.alpha.tolist() == [*state.alpha.tolist(), 2.0, 2.0]
    assert grown.beta.tolist() == [*state.beta.tolist(), 1.0, 1.0]
    assert grown.pulls.tolist() == [2, 1, 3, 0, 0]


def test_matrices_grow_along_the_arms_alone() -> None:
    spec = find_spec("LinUCBPolicy")
    hyper, policy = spec.validate({"dim": 2, "ridge": 3.0}), implementation(spec)
    vectors = np.arange(12, dtype=np.float32).reshape(6, 2)
    log = Feedback(LOG.arms, LOG.rewards, LOG.propensities, vectors)
    state = policy.fold(hyper, spec.prior(3, hyper), log)
    grown = policy.grow(hyper, state, 4)
    assert (grown.gram[:3] == state.gram).all()
    assert (grown.gram[3] == 3.0 * np.eye(2)).all()
    assert (grown.theta[3] == 0.0).all()


def test_growing_and_learning_of_old_arms_commute() -> None:
    policy, hyper, state = learned("GaussianTSPolicy")
    first = policy.fold(hyper, policy.grow(hyper, state, 4), LOG)
    last = policy.grow(hyper, policy.fold(hyper, state, LOG), 4)
    assert (first.mean == last.mean).all()
    assert (first.precision == last.precision).all()


@pytest.mark.parametrize("name", ["EXP3Policy", "EXP3IXPolicy", "FPLPolicy"])
def test_a_new_arm_gets_an_average_share_of_the_weights(name: str) -> None:
    policy, hyper, state = learned(name)
    weights = {
        "EXP3Policy": lambda s: np.exp(s.log_weights),
        "EXP3IXPolicy": lambda s: np.exp(-0.22872444313837034 * s.losses),
        "FPLPolicy": lambda s: np.exp(s.estimates / 5.0),
    }[name]
    old, new = weights(state), weights(policy.grow(hyper, state, 4))
    assert (old == new[:3]).all()
    assert new[3] / new.sum() == pytest.approx(0.25, rel=1e-4)


def test_the_losses_of_one_arm_alone_are_those_of_the_next() -> None:
    spec = find_spec("EXP3IXPolicy")
    hyper, policy = spec.validate({}), implementation(spec)
    log = Feedback.of([0], [0.0], [1.0])
    state = policy.fold(hyper, spec.prior(1, hyper), log)
    grown = policy.grow(hyper, state, 2)
    assert grown.losses[1] == pytest.approx(grown.losses[0])


def test_arms_are_never_taken_away() -> None:
    policy, hyper, state = learned("BetaTSPolicy")
    with pytest.raises(ValueError, match="2 arms cannot hold 3"):
        policy.grow(hyper, state, 2)
