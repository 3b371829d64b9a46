"""REST: the policies an experiment may name."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from proxysvc.http.replies import PolicyList
from proxysvc.http.replies import PolicyReply
from proxysvc.policies import RewardType
from proxysvc.policies import list_policies

Rewards = Annotated[
    RewardType | None, QueryParameter(description="only policies for such rewards")
]


@get("/policies", tags=("policies",))
async def get_policies(reward_type: Rewards = None) -> PolicyList:
    """List the policies and their parameters."""
    return PolicyList([PolicyReply.of(spec) for spec in list_policies(reward_type)])
