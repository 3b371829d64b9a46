"""What gates look like in REST answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from proxysvc.gates.decision import Reason
from proxysvc.gates.service import Evaluation
from qbrixcore.gate import Rule
from qbrixstore.postgres.records import ExperimentRecord


class RuleReply(msgspec.Struct):
    """A condition, and the arm that contexts get for which it is the first to hold."""

    key: str
    operator: str
    value: Any
    arm_id: str | None
    arm_name: str | None

    @classmethod
    def of(cls, rule: Rule, names: Mapping[str, str]) -> RuleReply:
        """With the name of its arm."""
        name = names.get(rule.arm_id or "")
        return cls(rule.key, rule.operator, rule.value, rule.arm_id, name)


class GateReply(msgspec.Struct):
    """A gate; ``version`` grows with every change of it."""

    experiment_id: str
    enabled: bool
    rollout_percentage: float
    default_arm_id: str | None
    default_arm_name: str | None
    schedule_start: datetime | None
    schedule_end: datetime | None
    active_hours_start: str | None
    active_hours_end: str | None
    timezone: str
    rules: list[RuleReply]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, record: ExperimentRecord) -> GateReply | None:
        """The gate of an experiment, if it has one."""
        if record.gate is None:
            return None
        gate = record.gate.gate
        names = {arm.id: arm.name for arm in record.experiment.pool.arms}
        return cls(
            experiment_id=record.experiment.id,
            enabled=gate.enabled,
            rollout_percentage=gate.rollout_percentage,
            default_arm_id=gate.default_arm_id,
            default_arm_name=names.get(gate.default_arm_id or ""),
            schedule_start=gate.schedule_start,
            schedule_end=gate.schedule_end,
            active_hours_start=gate.active_hours_start,
            active_hours_end=gate.active_hours_end,
            timezone=gate.timezone,
            rules=[RuleReply.of(rule, names) for rule in gate.rules],
            created_at=record.gate.created_at,
            updated_at=record.gate.updated_at,
            version=record.gate.version,
        )


class RuleEvaluation(msgspec.Struct):
    """Whether a rule matches, and whether it is the one that decides."""

    key: str
    operator: str
    value: Any
    matched: bool
    decisive: bool


class GateEvaluation(msgspec.Struct):
    """What a gate decides for a context; ``eligible`` if the bandit would choose."""

    eligible: bool
    reason: Reason
    arm_id: str | None
    arm_name: str | None
    enabled: bool
    in_schedule: bool
    in_rollout: bool
    rollout_percentage: float
    rules: list[RuleEvaluation]

    @classmethod
    def of(cls, evaluation: Evaluation) -> GateEvaluation:
        """With the arm that the gate forces."""
        told, gate, entry = evaluation
        decision = told.decision
        arm = None if decision.arm is None else entry.definition.arms[decision.arm]
        return cls(
            eligible=arm is None,
            reason=decision.reason,
            arm_id=None if arm is None else arm.id,
            arm_name=None if arm is None else arm.name,
            enabled=told.enabled,
            in_schedule=told.in_schedule,
            in_rollout=told.in_rollout,
            rollout_percentage=gate.rollout_percentage,
            rules=[
                RuleEvaluation(
                    rule.key, rule.operator, rule.value, matched, at == decision.rule
                )
                for at, (rule, matched) in enumerate(
                    zip(gate.rules, told.matched, strict=True)
                )
            ],
        )
