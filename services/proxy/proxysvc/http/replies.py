"""What pools, experiments and policies look like in REST answers."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from proxysvc.http.gate_replies import GateReply
from proxysvc.learners import learner_ids
from proxysvc.params import shown_params
from qbrixcore.param.hyper import ParamInfo
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import PoolRecord


class ArmReply(msgspec.Struct):
    """An arm; ``index`` is its position in the pool."""

    id: str
    name: str
    index: int
    is_active: bool
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, arm: Arm) -> ArmReply:
        """From the core's."""
        return cls(arm.id, arm.name, arm.index, arm.is_active, arm.metadata)


class PoolReply(msgspec.Struct):
    """A pool with its arms. Times are null where only the pool itself is shown."""

    id: str
    name: str
    arms: list[ArmReply]
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def of(cls, record: PoolRecord) -> PoolReply:
        """From what the store returned."""
        return msgspec.structs.replace(
            cls.embedded(record.pool),
            created_at=record.created_at,
            updated_at=record.updated_at,
        )

    @classmethod
    def embedded(cls, pool: Pool) -> PoolReply:
        """As part of an experiment."""
        arms = [ArmReply.of(arm) for arm in pool.arms]
        return cls(id=pool.id, name=pool.name, arms=arms)


class PoolPage(msgspec.Struct):
    """Some pools, and the page asked for."""

    pools: list[PoolReply]
    limit: int
    offset: int


class ExperimentReply(msgspec.Struct):
    """An experiment with its pool; ``policy_params`` include the derived ``dim``.

    ``learner_ids`` are those of the policies that run side by side in an ``auto``
    experiment, each of which can be read as an experiment of its own.
    """

    id: str
    name: str
    pool_id: str
    policy: str
    policy_params: dict[str, Any]
    enabled: bool
    created_at: datetime
    updated_at: datetime
    pool: PoolReply
    feature_gate: GateReply | None = None
    meta_experiment_id: str | None = None
    learner_ids: list[str] = []
    reward_window_sec: int | None = None
    default_reward: float | None = None

    @classmethod
    def of(cls, record: ExperimentRecord) -> ExperimentReply:
        """From what the store returned."""
        experiment = record.experiment
        return cls(
            id=experiment.id,
            name=experiment.name,
            pool_id=experiment.pool.id,
            policy=experiment.policy,
            policy_params=shown_params(experiment),
            enabled=experiment.enabled,
            created_at=record.created_at,
            updated_at=record.updated_at,
            pool=PoolReply.embedded(experiment.pool),
            meta_experiment_id=record.meta_experiment_id,
            learner_ids=learner_ids(experiment),
            feature_gate=GateReply.of(record),
            reward_window_sec=experiment.reward_window_sec,
            default_reward=experiment.default_reward,
        )


class ExperimentPage(msgspec.Struct):
    """Some experiments, and the page asked for."""

    experiments: list[ExperimentReply]
    limit: int
    offset: int


class ParamReply(msgspec.Struct):
    """A parameter of a policy; constraint keys are gt, gte, lt, lte."""

    name: str
    type: str
    required: bool
    description: str
    default: float | int | str | bool | None
    constraints: dict[str, float]

    @classmethod
    def of(cls, info: ParamInfo) -> ParamReply:
        """From its description in the core."""
        return cls(
            name=info.name,
            type=info.type,
            required=info.required,
            description=info.description,
            default=info.default,
            constraints=info.constraints,
        )


class PolicyReply(msgspec.Struct):
    """A policy that experiments may name."""

    name: str
    category: str
    reward_types: Sequence[str]
    description: str
    user_params: list[ParamReply]

    @classmethod
    def of(cls, spec: PolicySpec) -> PolicyReply:
        """From its spec."""
        return cls(
            name=spec.name,
            category=spec.category,
            reward_types=spec.reward_types,
            description=spec.description,
            user_params=[ParamReply.of(info) for info in spec.params],
        )


class PolicyList(msgspec.Struct):
    """Every policy asked for."""

    policies: list[PolicyReply]


class Message(msgspec.Struct):
    """What was done, in words."""

    message: str
