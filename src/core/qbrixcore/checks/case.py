"""What the checks run a policy on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Final
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.prepared import Prepared

Policy: TypeAlias = type[BasePolicy[Any]]
Check: TypeAlias = Callable[[Policy], None]

ARMS: Final = 5


class Case:
    """A policy with its example hyperparameters and a prior for ``ARMS`` arms."""

    def __init__(self, policy: Policy, seed: int = 0) -> None:
        self.policy = policy
        self.hyper = policy.spec.validate(policy.spec.example)
        self.prior: BaseParamState = policy.spec.prior(ARMS, self.hyper)
        self.dim = self.prior.dim
        self.rng = np.random.default_rng(seed)

    def contexts(self, count: int) -> NDArray[np.float32]:
        """(count, D) contexts; (count, 0) where the policy reads none."""
        return self.rng.standard_normal((count, self.dim)).astype(np.float32)

    def feedback(self, count: int) -> Feedback:
        """Rewards of 0 and 1, which every reward range contains."""
        return Feedback(
            arms=self.rng.integers(0, ARMS, count),
            rewards=self.rng.integers(0, 2, count).astype(np.float64),
            propensities=self.rng.uniform(0.1, 1.0, count),
            vectors=self.contexts(count),
        )

    def select(
        self,
        state: BaseParamState,
        contexts: NDArray[np.float32],
        rng: np.random.Generator | None = None,
        active: NDArray[np.bool_] | None = None,
        prepared: Prepared | None = None,
        weigh: bool = False,
    ) -> Chosen:
        """Choose for these contexts, with nothing in flight."""
        return self.policy.select_many(
            self.hyper,
            state,
            contexts,
            np.ones(ARMS, dtype=np.bool_) if active is None else active,
            InFlight.none(ARMS),
            rng or self.rng,
            prepared,
            weigh,
        )

    def prepare(
        self, state: BaseParamState, active: NDArray[np.bool_] | None = None
    ) -> Prepared | None:
        """What the policy prepares for a state, every arm active unless said."""
        everything = np.ones(ARMS, dtype=np.bool_)
        mask = everything if active is None else active
        return self.policy.prepare(self.hyper, state, mask)

    def fold(self, state: BaseParamState, feedback: Feedback) -> BaseParamState:
        """The state after the feedback."""
        folded: BaseParamState = self.policy.fold(self.hyper, state, feedback)
        return folded

    def learned(self, count: int = 64) -> BaseParamState:
        """The prior after some feedback."""
        return self.fold(self.prior, self.feedback(count))

    def opinionated(self) -> BaseParamState:
        """The prior after feedback that rewards later arms more."""
        feedback = self.feedback(400)
        rewards = (self.rng.random(400) < feedback.arms / ARMS).astype(np.float64)
        return self.fold(self.prior, msgspec.structs.replace(feedback, rewards=rewards))


def rows(feedback: Feedback, which: Any) -> Feedback:
    """Some rows of the feedback, by slice or index array."""
    return Feedback(
        arms=feedback.arms[which],
        rewards=feedback.rewards[which],
        propensities=feedback.propensities[which],
        vectors=feedback.vectors[which],
    )


def snapshot(*arrays: NDArray[Any]) -> list[bytes]:
    """The bits of some arrays."""
    return [array.tobytes() for array in arrays]


def state_bits(state: BaseParamState) -> list[bytes]:
    """The bits of a state."""
    return snapshot(*state.arrays().values())
