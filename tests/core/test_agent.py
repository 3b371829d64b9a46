"""Agents: choosing and learning for one experiment."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qbrixcore.agent import Agent
from qbrixcore.agent import Choice
from qbrixcore.callback import BaseCallback
from qbrixcore.context import Context
from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import InvalidFeedback
from qbrixcore.errors import InvalidParams
from qbrixcore.errors import UnknownPolicy
from qbrixcore.experiment import Experiment
from qbrixcore.param.state import BaseParamState
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool

SCHEMA = [{"type": "boolean", "name": "member"}]


def agent(policy: str, *callbacks: BaseCallback, **params: object) -> Agent:
    experiment = Experiment("e", "e", Pool.of("a", "b", "c"), policy, params)
    return Agent(experiment, np.random.default_rng(0), callbacks)


class Recorder(BaseCallback):
    """Writes down what it was called with."""

    def __init__(self, name: str, log: list[tuple[object, ...]]) -> None:
        self.name, self.log = name, log

    def before_select(
        self, experiment: Experiment, state: BaseParamState, context: Context
    ) -> None:
        self.log.append((self.name, "before select", context.id))

    def after_select(
        self,
        experiment: Experiment,
        state: BaseParamState,
        context: Context,
        choice: Choice,
    ) -> None:
        self.log.append((self.name, "after select", choice.arm.index))

    def before_train(
        self, experiment: Experiment, state: BaseParamState, feedback: Feedback
    ) -> None:
        self.log.append((self.name, "before train", int(state.pulls.sum())))

    def after_train(
        self, experiment: Experiment, state: BaseParamState, feedback: Feedback
    ) -> None:
        self.log.append((self.name, "after train", int(state.pulls.sum())))


def test_callbacks_surround_choosing_and_learning_in_order() -> None:
    log: list[tuple[object, ...]] = []
    one = agent("BetaTSPolicy", Recorder("x", log), Recorder("y", log))
    choice = one.select(one.prior(), Context(id="u1"))
    one.train(one.prior(), one.feedback(choice, 1.0))
    arm = choice.arm.index
    assert log == [
        ("x", "before select", "u1"),
        ("y", "before select", "u1"),
        ("x", "after select", arm),
        ("y", "after select", arm),
        ("x", "before train", 0),
        ("y", "before train", 0),
        ("x", "after train", 1),
        ("y", "after train", 1),
    ]


def test_base_callback_does_nothing() -> None:
    one = agent("BetaTSPolicy", BaseCallback())
    choice = one.select(one.prior())
    one.train(one.prior(), one.feedback(choice, 1.0))


def test_feedback_carries_the_propensity_of_the_choice() -> None:
    one = agent("EXP3Policy", gamma=0.5)
    choice = one.select(one.prior())
    assert choice.propensity == pytest.approx(1 / 3)
    state = one.train(one.prior(), one.feedback(choice, 1.0))
    others = [k for k in range(3) if k != choice.arm.index]
    # 0.5 / 3 arms / (1 / 3) is a gain of one half
    assert state.log_weights[others].tolist() == pytest.approx([-0.5, -0.5])


def test_feedback_without_propensity_is_refused_where_it_is_needed() -> None:
    one = agent("EXP3Policy")
    with pytest.raises(InvalidFeedback, match="propensity") as error:
        one.train(one.prior(), Feedback.of([0, 1], [1.0, 1.0], [0.5, math.nan]))
    assert error.value.detail == {"row": 1}


def test_a_schema_encodes_the_metadata() -> None:
    one = agent("LinUCBPolicy", context_schema=SCHEMA)
    context = Context(metadata={"member": True})
    assert one.encode(context).tolist() == [1.0, 1.0]
    choice = one.select(one.prior(), context)
    state = one.train(one.prior(), one.feedback(choice, 1.0, context))
    assert state.gram[choice.arm.index].tolist() == [[2.0, 1.0], [1.0, 2.0]]
    with pytest.raises(InvalidContext, match="metadata"):
        one.select(one.prior(), Context(vector=np.ones(2, dtype=np.float32)))


def test_contexts_that_do_not_fit_are_refused() -> None:
    one = agent("LinUCBPolicy", dim=2)
    with pytest.raises(InvalidContext, match="2 features"):
        one.select(one.prior())
    with pytest.raises(InvalidContext, match="2 features, got 3"):
        one.select(one.prior(), Context(vector=np.ones(3, dtype=np.float32)))


def test_a_vector_is_ignored_where_none_is_read() -> None:
    one = agent("BetaTSPolicy")
    one.select(one.prior(), Context(vector=np.ones(3, dtype=np.float32)))


def test_only_active_arms_are_chosen() -> None:
    arms = tuple(Arm(n, n, i, is_active=n == "b") for i, n in enumerate("abc"))
    experiment = Experiment("e", "e", Pool("p", "p", arms), "LinUCBPolicy", {"dim": 1})
    one = Agent(experiment, np.random.default_rng(0))
    context = Context(vector=np.ones(1, dtype=np.float32))
    assert {one.select(one.prior(), context).arm.id for _ in range(20)} == {"b"}


def test_experiments_that_cannot_run_are_refused() -> None:
    with pytest.raises(UnknownPolicy):
        agent("NoSuchPolicy")
    with pytest.raises(InvalidParams):
        agent("BetaTSPolicy", alpha_prior=0)
    with pytest.raises(InvalidParams, match="arm"):
        Agent(Experiment("e", "e", Pool.of(), "BetaTSPolicy"), np.random.default_rng())
