"""``qbrix pool``."""

from __future__ import annotations

from qbrixcli.resources.arms import POOLS
from qbrixcli.resources.arms import add_arms
from qbrixcli.resources.arms import given_arms
from qbrixcli.resources.arms import takes_arms
from qbrixcli.resources.call import Call
from qbrixcli.resources.secret import sure
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import asks
from qbrixcli.resources.tree import paged


def add_pool(top: Branch) -> None:
    """The commands of pools."""
    branch = top.group("pool", "pools of arms")
    made = branch.add("create", "create a pool of arms", create, "name")
    takes_arms(made)
    paged(branch.add("list", "list pools, the newest first", show_all))
    branch.add("get", "show a pool and its arms", get, "pool")
    renamed = branch.add("update", "rename a pool", update, "pool")
    renamed.add_argument("--name", required=True, help="the new name")
    delete_help = "delete a pool that no experiment uses"
    question = sure("delete pool {pool}")
    asks(branch.add("delete", delete_help, delete, "pool", prepare=question))
    add_arms(branch)
    branch.add("experiments", "list the experiments on a pool", experiments, "pool")


async def create(call: Call) -> None:
    """``qbrix pool create``."""
    from qbrixcli.resources.views import POOL

    body = {"name": call.given.name, "arms": given_arms(call.given)}
    call.out.record(POOL, await call.api.post(*POOLS, body=body))


async def show_all(call: Call) -> None:
    """``qbrix pool list``."""
    from qbrixcli.resources.views import POOL

    await call.page(POOL, *POOLS, key="pools")


async def get(call: Call) -> None:
    """``qbrix pool get``."""
    from qbrixcli.resources.views import POOL

    call.out.record(POOL, await call.api.get(*POOLS, call.given.pool))


async def update(call: Call) -> None:
    """``qbrix pool update``."""
    from qbrixcli.resources.views import POOL

    body = {"name": call.given.name}
    call.out.record(POOL, await call.api.patch(*POOLS, call.given.pool, body=body))


async def delete(call: Call) -> None:
    """``qbrix pool delete``."""
    call.message(await call.api.delete(*POOLS, call.given.pool))


async def experiments(call: Call) -> None:
    """``qbrix pool experiments``."""
    from qbrixcli.resources.views import EXPERIMENT

    found = await call.api.get(*POOLS, call.given.pool, "experiments")
    call.out.rows(EXPERIMENT, found)
