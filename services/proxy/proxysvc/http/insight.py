"""REST: what was counted of an experiment."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import QueryParameter

from proxysvc.insight.service import LATEST_MS
from proxysvc.insight.service import InsightService
from proxysvc.insight.told import ArmInsight
from proxysvc.insight.told import Overview
from proxysvc.insight.told import Rewards
from qbrixstore.postgres.principal import Principal

Start = Annotated[
    int | None,
    QueryParameter(
        ge=0, le=LATEST_MS, description="count from the hour of this moment, epoch ms"
    ),
]
End = Annotated[
    int | None,
    QueryParameter(
        ge=0, le=LATEST_MS, description="count to the hour of this moment, epoch ms"
    ),
]


class InsightOverview(msgspec.Struct):
    """An experiment in numbers; rewards and moments are null before there are any.

    ``default_selections`` are those of ``total_selections`` that no bandit decided.
    """

    experiment_id: str
    total_selections: int
    default_selections: int
    total_feedback: int
    unique_contexts: int
    avg_reward: float | None
    min_reward: float | None
    max_reward: float | None
    first_selection_ms: int | None
    last_selection_ms: int | None
    generation: int | None
    param_version: int | None
    learned_feedback: int
    waiting_feedback: int

    @classmethod
    def of(cls, told: Overview) -> InsightOverview:
        """From what the service tells."""
        counted, rewards = told.counted, Rewards.of(told.counted)
        selected = counted.selections > 0
        return cls(
            experiment_id=told.experiment_id,
            total_selections=counted.selections,
            default_selections=counted.defaults,
            total_feedback=counted.feedback,
            unique_contexts=told.unique_contexts,
            avg_reward=rewards.mean,
            min_reward=rewards.least,
            max_reward=rewards.largest,
            first_selection_ms=counted.first_ms if selected else None,
            last_selection_ms=counted.last_ms if selected else None,
            generation=told.generation,
            param_version=told.param_version,
            learned_feedback=told.learned,
            waiting_feedback=told.waiting,
        )


class InsightArm(msgspec.Struct):
    """An arm in numbers; ``pulls`` is what its current state has learned from."""

    arm_index: int
    arm_name: str
    selections: int
    default_selections: int
    feedback_count: int
    avg_reward: float | None
    pulls: int

    @classmethod
    def of(cls, told: ArmInsight) -> InsightArm:
        """From what the service tells."""
        counted = told.counted
        return cls(
            arm_index=told.index,
            arm_name=told.name,
            selections=counted.selections,
            default_selections=counted.defaults,
            feedback_count=counted.feedback,
            avg_reward=Rewards.of(counted).mean,
            pulls=told.pulls,
        )


class InsightArms(msgspec.Struct):
    """Every arm of an experiment, in the order of its pool."""

    arms: list[InsightArm]


class InsightController(Controller):
    """What happened in the caller's experiments."""

    path = "/insight"
    tags = ("insight",)

    @get("/experiment/{experiment_id:str}")
    async def get_insight(
        self,
        experiment_id: FromPath[str],
        insight: NamedDependency[InsightService],
        principal: NamedDependency[Principal],
        start_ms: Start = None,
        end_ms: End = None,
    ) -> InsightOverview:
        """Count the selections and the feedback of an experiment."""
        told = await insight.overview(principal, experiment_id, start_ms, end_ms)
        return InsightOverview.of(told)

    @get("/experiment/{experiment_id:str}/arms")
    async def get_insight_of_arms(
        self,
        experiment_id: FromPath[str],
        insight: NamedDependency[InsightService],
        principal: NamedDependency[Principal],
        start_ms: Start = None,
        end_ms: End = None,
    ) -> InsightArms:
        """Count the selections and the feedback of each arm."""
        told = await insight.arms(principal, experiment_id, start_ms, end_ms)
        return InsightArms([InsightArm.of(arm) for arm in told])
