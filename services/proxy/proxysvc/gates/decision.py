"""What a gate decides for a context, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Reason(StrEnum):
    """Who decided: a part of the gate, or the bandit."""

    DISABLED = "disabled"
    BLACKOUT = "blackout"
    ROLLOUT = "rollout"
    RULE = "rule"
    BANDIT = "bandit"


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The index of the arm that the gate forces, None where the bandit is to choose.

    ``rule`` is the position of the rule that matched first, if it came to the rules.
    """

    reason: Reason
    arm: int | None = None
    rule: int | None = None


UNDECIDED: Final = Decision(Reason.BANDIT)


class Explanation(msgspec.Struct, frozen=True):
    """A decision with everything that led to it; ``matched`` is by rule."""

    decision: Decision
    enabled: bool
    in_schedule: bool
    in_rollout: bool
    matched: tuple[bool, ...]
