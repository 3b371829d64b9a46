"""REST: the arms of a pool, also while experiments run on it."""

from __future__ import annotations

from typing import Annotated
from typing import Any

import msgspec
from litestar import Controller
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.arms import ArmService
from proxysvc.http.body import StrictJSON
from proxysvc.http.pools import ArmCreate
from proxysvc.http.pools import Name
from proxysvc.http.replies import ArmReply
from proxysvc.http.replies import PoolReply
from proxysvc.inputs import MOST_ARMS
from proxysvc.pools import NewArm
from qbrixstore.postgres.principal import Principal


class ArmsCreate(msgspec.Struct):
    """New arms; they go behind those that the pool has, in this order."""

    arms: Annotated[list[ArmCreate], msgspec.Meta(min_length=1, max_length=MOST_ARMS)]


class ArmUpdate(msgspec.Struct):
    """Changes of an arm; what is absent or null stays, ``metadata`` replace all."""

    name: Name | None = None
    metadata: dict[str, Any] | None = None
    is_active: bool | None = None


class ArmController(Controller):
    """Arms of the caller's pools."""

    path = "/pools/{pool_id:str}/arms"
    tags = ("pools",)

    @post(dto=StrictJSON[ArmsCreate], return_dto=None)
    async def add_arms(
        self,
        pool_id: FromPath[str],
        data: JSONBody[ArmsCreate],
        arms: NamedDependency[ArmService],
        principal: NamedDependency[Principal],
    ) -> PoolReply:
        """Add arms to a pool; its experiments explore them and keep what they know."""
        new = [NewArm(arm.name, arm.metadata) for arm in data.arms]
        return PoolReply.of(await arms.add(principal, pool_id, new))

    @patch("/{arm_id:str}", dto=StrictJSON[ArmUpdate], return_dto=None)
    async def update_arm(
        self,
        pool_id: FromPath[str],
        arm_id: FromPath[str],
        data: JSONBody[ArmUpdate],
        arms: NamedDependency[ArmService],
        principal: NamedDependency[Principal],
    ) -> ArmReply:
        """Rename, describe, deactivate or reactivate an arm."""
        arm = await arms.update(
            principal, pool_id, arm_id, data.name, data.metadata, data.is_active
        )
        return ArmReply.of(arm)
