"""Hooks around choosing and learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qbrixcore.context import Context
from qbrixcore.context import Feedback
from qbrixcore.experiment import Experiment
from qbrixcore.param.state import BaseParamState

if TYPE_CHECKING:
    from qbrixcore.agent import Choice


class BaseCallback:
    """Called by an agent, in the order given to it; override what is needed.

    Whatever a callback raises reaches the agent's caller.
    """

    def before_select(
        self, experiment: Experiment, state: BaseParamState, context: Context
    ) -> None:
        """The agent is about to choose."""

    def after_select(
        self,
        experiment: Experiment,
        state: BaseParamState,
        context: Context,
        choice: Choice,
    ) -> None:
        """The agent has chosen."""

    def before_train(
        self, experiment: Experiment, state: BaseParamState, feedback: Feedback
    ) -> None:
        """The agent is about to learn; ``state`` is what it knew."""

    def after_train(
        self, experiment: Experiment, state: BaseParamState, feedback: Feedback
    ) -> None:
        """The agent has learned; ``state`` is what it knows now."""
