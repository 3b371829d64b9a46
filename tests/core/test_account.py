"""Choices in flight, taken in one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import implementation

ARMS = 4
DIM = 3
COUNTING = (
    "UCB1TunedPolicy",
    "KLUCBPolicy",
    "KLUCBPlusPolicy",
    "MOSSPolicy",
    "MOSSAnyTimePolicy",
    "EpsilonPolicy",
)
WIDENING = ("LinUCBPolicy", "GLMUCBPolicy")

Policy = type[BasePolicy[Any]]


def params(policy: Policy) -> dict[str, object]:
    """Parameters with features where the policy can read any."""
    example = dict(policy.spec.example)
    return {**example, "dim": DIM} if policy.spec.contextual else example


def learned(policy: Policy, hyper: Any, rng: np.random.Generator, count: int) -> Any:
    """A state after so many rewards."""
    feedback = Feedback.of(
        rng.integers(0, ARMS, count),
        rng.integers(0, 2, count).astype(np.float64),
        np.full(count, 1 / ARMS),
        rng.normal(size=(count, DIM)).astype(np.float32),
    )
    return policy.fold(hyper, policy.spec.prior(ARMS, hyper), feedback)


def stated(
    arms: NDArray[np.int64], contexts: NDArray[np.float32], dim: int
) -> InFlight:
    """The same choices as counts and covariances."""
    counts = np.bincount(arms, minlength=ARMS).astype(np.float64)
    if not dim:
        return InFlight(counts)
    gram = np.zeros((ARMS, dim, dim))
    for arm, x in zip(arms, contexts.astype(np.float64), strict=True):
        gram[arm] += np.outer(x, x)
    return InFlight(counts, gram)


@pytest.mark.parametrize("name", [*COUNTING, *WIDENING, "MetaBanditPolicy"])
@given(seed=st.integers(0, 2**32 - 1), frames=st.lists(st.integers(1, 9), max_size=6))
def test_adding_is_stating_what_is_in_flight(
    name: str, seed: int, frames: list[int]
) -> None:
    policy, rng = implementation(name), np.random.default_rng(seed)
    hyper = policy.spec.validate(params(policy))
    state = learned(policy, hyper, rng, 30)
    account = policy.account(state)
    assert account is not None
    arms = rng.integers(0, ARMS, sum(frames))
    contexts = rng.normal(size=(sum(frames), DIM)).astype(np.float32)
    start = 0
    for size in frames:
        rows = slice(start, start + size)
        account.add(arms[rows], contexts[rows])
        start += size

    def choose(state: Any, in_flight: InFlight) -> Any:
        asked = np.random.default_rng(seed).normal(size=(40, DIM)).astype(np.float32)
        active, draws = np.ones(ARMS, dtype=np.bool_), np.random.default_rng(1)
        return policy.select_many(hyper, state, asked, active, in_flight, draws)

    told = stated(arms, contexts, state.dim)
    for one, other in zip(
        choose(account.state, account.in_flight), choose(state, told), strict=True
    ):
        assert np.allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("name", [*COUNTING, *WIDENING])
def test_what_was_learned_is_left_alone(name: str) -> None:
    policy, rng = implementation(name), np.random.default_rng(5)
    hyper = policy.spec.validate(params(policy))
    state = learned(policy, hyper, rng, 30)
    before = [array.tobytes() for array in state.arrays().values()]
    account = policy.account(state)
    assert account is not None
    contexts = rng.normal(size=(20, DIM)).astype(np.float32)
    account.add(rng.integers(0, ARMS, 20), contexts)
    assert before == [array.tobytes() for array in state.arrays().values()]
    again = policy.account(state)
    assert again is not None
    assert not again.in_flight.counts.any()


def test_rules_that_are_random_by_themselves_keep_none() -> None:
    keeping = set()
    for name in SPECS:
        policy = implementation(name)
        hyper = policy.spec.validate(dict(policy.spec.example))
        if policy.account(policy.spec.prior(ARMS, hyper)) is not None:
            keeping.add(name)
    assert keeping == {*COUNTING, *WIDENING}
