"""What ``qbrix replay`` does: finds the params, waits for the log, learns again."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cortexsvc.replaying import Untold
from cortexsvc.replaying import origin_of
from cortexsvc.replaying import replay
from qbrixcli.decisions import opened
from qbrixcli.embedded.errors import StartError
from qbrixcli.maintenance import reach_postgres
from qbrixcli.repairing import reach_redis
from qbrixcli.repairing import reached
from qbrixcli.stores import POSTGRES_USERS
from qbrixcli.stores import REDIS_USERS
from qbrixcli.verdict import Verdict
from qbrixcli.verdict import compared
from qbrixcore.param import build
from qbrixcore.param import codec
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Stored
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis.batch import order
from qbrixstore.redis.tail import Tail

RECORDED_SEC: Final = 60.0
LOOK_SEC: Final = 0.2


async def run(options: argparse.Namespace, environ: Mapping[str, str]) -> Verdict:
    """What the replay comes to. Raises StartError."""
    variables = reached(environ, (*REDIS_USERS, *POSTGRES_USERS))
    async with reach_postgres(variables) as settings, reach_redis(variables) as client:
        async with opened(settings, variables) as log:
            session, name = log.session, options.experiment
            tenant = await _tenant(session, name)
            layout = await Layout.read(client)
            if options.at is None:
                live = await RedisParamBackend(client, layout).get(tenant, name)
                if live is None:
                    raise StartError(f"experiment {name} has no params")
            else:
                live = await _kept(session, tenant, name, options.at)
            await _recorded(client, layout, name, live.header)
            try:
                restored = await _restored(session, tenant, name, live.header)
                again = await replay(log.reader, name, live.header, restored)
            except Untold as error:
                raise StartError(str(error)) from error
            return compared(name, live, again, build=build.fingerprint())


async def _tenant(session: AsyncSession, experiment: str) -> str:
    found = await session.scalar(
        select(ExperimentRow.tenant_id).where(ExperimentRow.id == experiment)
    )
    if found is None:
        raise StartError(f"there is no experiment {experiment}")
    return str(found)


async def _restored(
    session: AsyncSession, tenant: str, experiment: str, header: Header
) -> Stored | None:
    version = origin_of(header).restored
    if version is None:
        return None
    return await _kept(session, tenant, experiment, version)


async def _kept(
    session: AsyncSession, tenant: str, experiment: str, version: int
) -> Stored:
    data = await Snapshots(session).find(tenant, experiment, version)
    if data is None:
        raise StartError(f"version {version} of experiment {experiment} is not kept")
    return codec.decode(data)


async def _recorded(
    client: RedisClient, layout: Layout, experiment: str, header: Header
) -> None:
    """Return when the log has what the params learned. Raises StartError."""
    tail = Tail.of_log(client, layout, layout.shard_of(experiment))
    try:
        async with asyncio.timeout(RECORDED_SEC):
            while first := await tail.read(count=1):
                if order(first[0].id) > order(header.learned_through):
                    return
                await asyncio.sleep(LOOK_SEC)
    except TimeoutError:
        raise StartError("what was learned is not recorded: cortex must run") from None
