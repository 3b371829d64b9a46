"""The policies an experiment may name, as they are listed."""

from __future__ import annotations

from typing import Literal
from typing import get_args

from qbrixcore.errors import Invalid
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.spec import PolicySpec

RewardType = Literal["binary", "bounded", "continuous"]


def list_policies(reward_type: str | None = None) -> list[PolicySpec]:
    """Every policy, or those that learn from rewards of one type. Raises Invalid."""
    if reward_type is None:
        return list(SPECS.values())
    if reward_type not in get_args(RewardType):
        accepted = ", ".join(get_args(RewardType))
        raise Invalid(f"reward_type must be one of {accepted}")
    return [spec for spec in SPECS.values() if reward_type in spec.reward_types]
