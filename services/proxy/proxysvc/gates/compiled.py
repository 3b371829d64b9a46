"""A gate made ready to decide: worked out once for each version of an experiment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any
from typing import Final
from typing import NamedTuple

import msgspec

from proxysvc.gates.decision import UNDECIDED
from proxysvc.gates.decision import Decision
from proxysvc.gates.decision import Explanation
from proxysvc.gates.decision import Reason
from proxysvc.gates.hours import ActiveHours
from proxysvc.gates.hours import Schedule
from proxysvc.gates.hours import Seconds
from proxysvc.gates.hours import find_zone
from proxysvc.gates.nested import NESTED
from proxysvc.gates.nested import Nested
from proxysvc.gates.nested import prepared
from proxysvc.gates.operators import Test
from proxysvc.gates.operators import compile_test
from proxysvc.gates.rollout import Rollout
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.gate import from_dict
from qbrixlog import get_logger

logger = get_logger(__name__)

Metadata = Mapping[str, Any]

_ABSENT: Final = object()
_NOTHING: Final[Metadata] = MappingProxyType({})


class _Rule(NamedTuple):
    """A test of one value, and what is decided when it is the first to match."""

    key: str
    test: Test
    decision: Decision


class CompiledGate:
    """Decides in this order, the first answer counts: whether the gate is enabled, its
    schedule, its active hours, its rollout, its rules.

    Whoever fails one of the first four gets the default arm. Without one, or without
    an arm of the rule that matches, and for an arm that is not active, the bandit
    chooses.
    """

    def __init__(
        self, gate: Gate, experiment: str, arms: Sequence[DefinitionArm]
    ) -> None:
        """Raises ValueError for what this build does not know."""
        self._experiment = experiment
        self._failed = False
        self._enabled = gate.enabled
        self._schedule = Schedule(gate.schedule_start, gate.schedule_end)
        self._hours = _hours(gate)
        self._rollout = Rollout(experiment, gate.rollout_percentage)
        indices = {arm.id: index for index, arm in enumerate(arms) if arm.active}
        self.default = indices.get(gate.default_arm_id or "")
        self._disabled = _forced(Reason.DISABLED, self.default)
        self._blackout = _forced(Reason.BLACKOUT, self.default)
        self._outside = _forced(Reason.ROLLOUT, self.default)
        self._rules = [
            _compiled(rule, position, indices)
            for position, rule in enumerate(gate.rules)
        ]

    def force(self, context_id: str, metadata: Metadata | None) -> int | None:
        """The index of the arm that a select has to answer, None for the bandit's.

        A failure is logged once for each version, and leaves the choice to the bandit.
        """
        try:
            return self.decide(context_id, metadata or _NOTHING, time.time()).arm
        except Exception:
            if not self._failed:
                self._failed = True
                logger.exception("the gate of experiment %s fails", self._experiment)
            return None

    def decide(self, context_id: str, metadata: Metadata, now: Seconds) -> Decision:
        """What becomes of a context."""
        if not self._enabled:
            return self._disabled
        if not self._open(now):
            return self._blackout
        if context_id not in self._rollout:
            return self._outside
        get = metadata.get
        seen: dict[str, Nested] = {}
        for key, test, decision in self._rules:
            value = get(key, _ABSENT)
            if value is _ABSENT:
                continue
            if type(value) in NESTED:
                value = seen.get(key) or seen.setdefault(key, Nested(value))
            if test(value):
                return decision
        return UNDECIDED

    def explain(
        self, context_id: str, metadata: Metadata, now: Seconds | None = None
    ) -> Explanation:
        """The same, with what each part of the gate says."""
        moment = time.time() if now is None else now
        values = {key: prepared(value) for key, value in metadata.items()}
        return Explanation(
            decision=self.decide(context_id, metadata, moment),
            enabled=self._enabled,
            in_schedule=self._open(moment),
            in_rollout=context_id in self._rollout,
            matched=tuple(
                rule.key in values and rule.test(values[rule.key])
                for rule in self._rules
            ),
        )

    def _open(self, now: Seconds) -> bool:
        hours = self._hours
        return now in self._schedule and (hours is None or now in hours)


def compile_gate(definition: Definition) -> CompiledGate | None:
    """The gate of a definition, if it has one.

    One that this build cannot read is logged, and leaves every choice to the bandit.
    """
    if definition.gate is None:
        return None
    try:
        gate = from_dict(definition.gate)
        return CompiledGate(gate, definition.experiment, definition.arms)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        logger.error(
            "cannot read the gate of experiment %s: %s", definition.experiment, error
        )
        return None


def _hours(gate: Gate) -> ActiveHours | None:
    start, end = gate.active_hours_start, gate.active_hours_end
    if start is None or end is None:
        return None
    return ActiveHours(start, end, find_zone(gate.timezone))


def _forced(reason: Reason, arm: int | None, rule: int | None = None) -> Decision:
    return Decision(Reason.BANDIT if arm is None else reason, arm, rule)


def _compiled(rule: Rule, position: int, indices: Mapping[str, int]) -> _Rule:
    arm = indices.get(rule.arm_id or "")
    decision = _forced(Reason.RULE, arm, position)
    return _Rule(rule.key, compile_test(rule.operator, rule.value), decision)
