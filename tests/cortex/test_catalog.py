"""What cortex knows of experiments, with the real Postgres behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.samples import TENANT
from tests.cortex.samples import NoRegistry
from tests.cortex.samples import Shard
from tests.cortex.samples import defined
from tests.cortex.samples import experiment

from cortexsvc import catalog as catalog_module
from cortexsvc.catalog import UNKNOWN
from cortexsvc.catalog import Catalog
from cortexsvc.catalog import Learnable
from cortexsvc.catalog import PostgresRegistry
from cortexsvc.catalog import Removed
from cortexsvc.catalog import Verdict
from cortexsvc.sorting import Key
from qbrixcli.embedded.ports import free_port
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import get_session
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.redis import Definitions

OURS = experiment(policy="LinUCBPolicy", params={"dim": 4, "alpha": 0.5})


@pytest.fixture
async def engine(postgres_server: PostgresSettings) -> AsyncIterator[AsyncEngine]:
    engine = init_db(postgres_server)
    yield engine
    await engine.dispose()


@pytest.fixture
async def tenant(engine: AsyncEngine) -> str:
    """A tenant whose experiment is in Postgres, and not in Redis."""
    async with system_session(engine) as session:
        tenant = (await Tenants(session).add("ours")).id
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).add(OURS.pool)
        await Experiments(session, tenant).add(OURS)
    return tenant


async def verdict(catalog: Catalog, tenant: str, name: str = OURS.id) -> Verdict:
    return (await catalog.verdicts([(tenant, name)]))[tenant, name]


async def test_what_redis_does_not_know_is_looked_up_in_postgres(
    shard: Shard, engine: AsyncEngine, tenant: str
) -> None:
    catalog = Catalog(shard.definitions, PostgresRegistry(engine))
    found = await verdict(catalog, tenant)
    assert isinstance(found, Learnable)
    assert found.policy == "LinUCBPolicy"
    assert (found.hyper.dim, found.hyper.alpha) == (4, 0.5)
    for stranger, name in (
        (tenant, "ghost"),
        ("another tenant", OURS.id),
        ("", OURS.id),
        (tenant, "x" * 10_000),
    ):
        assert await verdict(catalog, stranger, name) == UNKNOWN
    impossible = await verdict(catalog, tenant, "nul \0")
    assert isinstance(impossible, str)


async def test_while_postgres_is_away_there_is_no_verdict(shard: Shard) -> None:
    engine = init_db(PostgresSettings(host="127.0.0.1", port=free_port()))
    catalog = Catalog(shard.definitions, PostgresRegistry(engine))
    with pytest.raises(Unavailable):
        await verdict(catalog, TENANT)
    await shard.define(experiment())
    assert isinstance(await verdict(catalog, TENANT), Learnable)
    await engine.dispose()


async def test_a_tombstone_settles_it(shard: Shard) -> None:
    await shard.definitions.remove(TENANT, "e1", 3)
    catalog = Catalog(shard.definitions, NoRegistry())
    assert await verdict(catalog, TENANT) == Removed()


async def test_a_change_is_seen_once_it_was_told(shard: Shard) -> None:
    await shard.define(experiment())
    catalog = Catalog(shard.definitions, NoRegistry())
    before = await verdict(catalog, TENANT)
    other = experiment(params={"alpha_prior": 5.0})
    await shard.definitions.publish(*defined(other, version=2))
    assert await verdict(catalog, TENANT) == before
    for change in ((TENANT, "e1"), None):
        catalog.forget((TENANT, "another"))
        catalog.forget(change)
        after = await verdict(catalog, TENANT)
        assert isinstance(after, Learnable)
        assert after.hyper.alpha_prior == 5.0


async def test_a_change_while_it_asks_is_no_fault_and_not_missed(shard: Shard) -> None:
    await shard.define(experiment("e1"), experiment("e2"))
    catalog = Catalog(shard.definitions, NoRegistry())
    before = await verdict(catalog, TENANT, "e1")

    class Changing(Definitions):
        async def get_many(self, pairs: Sequence[Key]) -> list[Any]:
            found = await super().get_many(pairs)
            other = experiment("e2", params={"alpha_prior": 5.0})
            await shard.definitions.publish(*defined(other, version=2))
            catalog.forget(None)
            return found

    catalog._definitions = Changing(shard.client, shard.layout)
    found = await catalog.verdicts([(TENANT, "e1"), (TENANT, "e2")])
    assert found[TENANT, "e1"] == before
    assert isinstance(found[TENANT, "e2"], Learnable)
    catalog._definitions = shard.definitions
    after = await verdict(catalog, TENANT, "e2")
    assert isinstance(after, Learnable)
    assert after.hyper.alpha_prior == 5.0


async def test_more_experiments_than_are_kept(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "KEPT", 2)
    names = [f"e{number}" for number in range(5)]
    await shard.define(*map(experiment, names))
    catalog = Catalog(shard.definitions, NoRegistry())
    for asked in (names[:2], names, names[1:]):
        found = await catalog.verdicts([(TENANT, name) for name in asked])
        assert {name for _, name in found} == set(asked)
        assert all(isinstance(one, Learnable) for one in found.values())


async def test_a_definition_we_cannot_use_says_why(shard: Shard) -> None:
    definition, prior = defined(experiment())
    for number, (fields, reason) in enumerate(
        [({"policy": "FromTheFuture"}, "unknown policy"), ({"hyper": {"x": 1}}, "x")]
    ):
        await shard.definitions.publish(
            msgspec.structs.replace(definition, version=number + 1, **fields), prior
        )
        found = await verdict(Catalog(shard.definitions, NoRegistry()), TENANT)
        assert isinstance(found, str)
        assert "no usable definition" in found
        assert reason in found
