"""An experiment together with the policy that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from qbrixcore.callback import BaseCallback
from qbrixcore.context import SINGLE
from qbrixcore.context import Context
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.context import Vector
from qbrixcore.context import as_vector
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import InvalidParams
from qbrixcore.experiment import Experiment
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.pool import Arm


class Choice(NamedTuple):
    """The chosen arm, and the probability it was chosen with (NaN: not computed)."""

    arm: Arm
    propensity: float


class Agent:
    """Chooses and learns for one experiment. Keeps no state: it is passed in and out.

    >>> import numpy as np
    >>> from qbrixcore.pool import Pool
    >>> experiment = Experiment("e1", "colour", Pool.of("red", "green"), "BetaTSPolicy")
    >>> agent = Agent(experiment, np.random.default_rng(7))
    >>> state = agent.prior()
    >>> for _ in range(300):
    ...     choice = agent.select(state)
    ...     reward = 1.0 if choice.arm.name == "green" else 0.0
    ...     state = agent.train(state, agent.feedback(choice, reward))
    >>> int(state.pulls.argmax()), int(state.pulls.sum())
    (1, 300)

    Raises InvalidParams (UnknownPolicy) when the experiment cannot run.
    """

    def __init__(
        self,
        experiment: Experiment,
        rng: np.random.Generator,
        callbacks: Sequence[BaseCallback] = (),
    ) -> None:
        if not experiment.pool.arms:
            raise InvalidParams("a pool needs at least one arm")
        self.experiment = experiment
        self._spec = find_spec(experiment.policy)
        self.hyper = self._spec.validate(experiment.policy_params)
        self._schema = self._spec.schema(experiment.policy_params)
        self._policy = implementation(self._spec)
        self._rng = rng
        self._callbacks = tuple(callbacks)
        self._arms = experiment.pool.arms
        self._active = np.array([arm.is_active for arm in self._arms], dtype=np.bool_)
        self._none = InFlight.none(len(self._arms))
        self._dim = self._spec.dim(self.hyper)

    def prior(self) -> Any:
        """The state before any feedback."""
        return self._spec.prior(len(self._arms), self.hyper)

    def select(
        self,
        state: BaseParamState,
        context: Context | None = None,
        in_flight: InFlight | None = None,
    ) -> Choice:
        """Choose an active arm. Raises InvalidContext."""
        context = context or Context()
        for callback in self._callbacks:
            callback.before_select(self.experiment, state, context)
        arms, propensities = self._policy.select_many(
            self.hyper,
            state,
            self._row(context),
            self._active,
            in_flight or self._none,
            self._rng,
        )
        choice = Choice(self._arms[arms.item()], propensities.item())
        for callback in self._callbacks:
            callback.after_select(self.experiment, state, context, choice)
        return choice

    def train(self, state: BaseParamState, feedback: Feedback) -> Any:
        """The state after learning the feedback. Raises InvalidFeedback."""
        for callback in self._callbacks:
            callback.before_train(self.experiment, state, feedback)
        state = self._policy.fold(self.hyper, state, feedback)
        for callback in self._callbacks:
            callback.after_train(self.experiment, state, feedback)
        return state

    def feedback(
        self, choice: Choice, reward: float, context: Context | None = None
    ) -> Feedback:
        """The outcome of one choice, to train on."""
        vector = self.encode(context or Context())
        return Feedback.one(choice.arm.index, reward, choice.propensity, vector)

    def encode(self, context: Context) -> Vector:
        """The (D,) float32 input of the policy: the vector, or the encoded metadata.

        Empty where the policy reads no features. Raises InvalidContext.
        """
        if not self._dim:
            return _NOTHING
        if self._schema is not None:
            if context.vector is not None:
                raise InvalidContext(
                    "the context schema encodes metadata, not a vector"
                )
            return self._schema.encode(context.metadata)
        if context.vector is None:
            raise InvalidContext(f"the policy expects {self._dim} features")
        return as_vector(context.vector)

    def _row(self, context: Context) -> Vector:
        vector = context.vector
        if type(vector) is np.ndarray and self._dim and self._schema is None:
            # the policy checks that features are finite, which once is enough
            if vector.ndim == 1 and vector.dtype == SINGLE:
                return vector[None]
        return self.encode(context)[None]


_NOTHING = np.empty(0, dtype=np.float32)
