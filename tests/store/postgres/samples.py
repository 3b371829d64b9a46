"""Pools and experiments to store."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools

DESCRIBED = {"price": 1.5, "tags": ["a", None, True], "über": {"n": 2**40}}


def pool_named(name: str, arms: int = 3) -> Pool:
    return Pool(
        id=uuid4().hex,
        name=name,
        arms=tuple(
            Arm(
                id=uuid4().hex,
                name=f"arm {index}",
                index=index,
                is_active=index != 1,
                metadata=DESCRIBED if index == 0 else {},
            )
            for index in range(arms)
        ),
    )


def experiment_on(pool: Pool, name: str, **fields: object) -> Experiment:
    given: dict[str, object] = {"policy": "BetaTSPolicy", "policy_params": {}, **fields}
    return Experiment(id=uuid4().hex, name=name, pool=pool, **given)  # type: ignore[arg-type]


async def stored_pool(engine: AsyncEngine, tenant: str, name: str = "pool") -> Pool:
    async with get_session(engine, tenant) as session:
        return (await Pools(session, tenant).add(pool_named(name))).pool


async def stored_experiment(
    engine: AsyncEngine, tenant: str, pool: Pool, name: str = "experiment"
) -> str:
    async with get_session(engine, tenant) as session:
        record = await Experiments(session, tenant).add(experiment_on(pool, name))
        return record.experiment.id
