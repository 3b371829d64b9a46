"""What is kept is compared with its source, also when no change was told of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.samples import Store
from tests.proxy.samples import definition
from tests.proxy.samples import newer
from tests.proxy.waiting import eventually

from proxysvc.app import proxy
from proxysvc.definitions import DefinitionCache
from proxysvc.gates import comparing
from proxysvc.gates.comparing import MemoryCheck
from proxysvc.gates.comparing import RedisCheck
from proxysvc.gates.settings import GateSettings
from proxysvc.settings import ProxySettings
from qbrixserving.settings import read_settings
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

SELECT = "/api/v1/agent/select"


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Store]:
    async with RedisClient(redis_server) as client:
        yield Store(client, await Layout.ensure(client))


async def test_what_changed_in_redis_is_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "BATCH", 2)
    made = [definition() for _ in range(5)]
    cache = DefinitionCache(store.definitions)
    for one in made:
        await store.publish(one)
        await cache.load(one.tenant, one.experiment)
    check = MemoryCheck(store.definitions, cache, every=3600)
    await check.compare()
    same = [cache.get_cached(one.tenant, one.experiment) for one in made]
    assert all(entry is not None for entry in same)

    # nobody follows the changes of this store
    gated = newer(made[3], gate={"enabled": False, "default_arm_id": "b"})
    await store.publishing.publish(gated)
    await store.publishing.withdraw(made[4].tenant, made[4].experiment, 2)
    assert sorted(one.version for one in cache.held()) == [1] * 5
    await check.compare()

    async def level() -> bool:
        return sorted(one.version for one in cache.held()) == [1, 1, 1, 2]

    await eventually(level)
    entry = cache.get_cached(gated.tenant, gated.experiment)
    assert entry is not None
    assert entry.gate is not None
    assert entry.gate.force("x", None) == 1
    for one, before in zip(made[:3], same[:3], strict=True):
        assert cache.get_cached(one.tenant, one.experiment) is before


async def test_a_worker_compares_by_itself(
    settings: ProxySettings, store: Store, admin: Person
) -> None:
    often = msgspec.structs.replace(settings, gate=GateSettings(cache_ttl=1))
    made = msgspec.structs.replace(
        definition(),
        tenant=admin.tenant_id,
        gate={"enabled": False, "default_arm_id": "a"},
    )
    await store.publish(made)
    body = {"experiment_id": made.experiment, "context": {"id": "x"}}

    async def chosen(client: httpx.AsyncClient) -> str:
        answer: dict[str, Any] = (await client.post(SELECT, json=body)).json()
        return str(answer["arm"]["id"])

    async with proxy(often) as worker, client_of(worker, admin.headers) as client:
        assert await chosen(client) == "a"
        # behind everybody's back: no counter, no message
        changed = newer(made, gate={"enabled": False, "default_arm_id": "b"})
        key = store.layout.definition(made.tenant, made.experiment)
        data = msgspec.msgpack.encode(changed)
        await store.client.execute("HSET", key, "v", 2, "d", data)

        async def is_other() -> bool:
            return await chosen(client) == "b"

        await eventually(is_other)


async def test_what_redis_lost_is_published_again(
    client: httpx.AsyncClient,
    pool: dict[str, Any],
    engine: AsyncEngine,
    store: Store,
    admin: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "BATCH", 2)
    ids = []
    for number in range(5):
        body = {
            "name": f"e{number}",
            "pool_id": pool["id"],
            "policy": "BetaTSPolicy",
            "feature_gate": {"enabled": False, "default_arm_name": "red"},
        }
        made = (await client.post("/api/v1/experiments", json=body)).json()
        ids.append(made["id"])
    await client.patch(f"/api/v1/gates/{ids[0]}", json={"default_arm_id": None})
    definitions = store.definitions
    before = [await definitions.get(admin.tenant_id, id_) for id_ in ids]
    first = before[0]
    assert first is not None
    older = msgspec.structs.replace(first, version=1, gate=None)
    for id_, left in ((ids[0], older), (ids[1], None)):
        key = store.layout.definition(admin.tenant_id, id_)
        await store.client.execute("DEL", key)
        if left is not None:
            data = msgspec.msgpack.encode(left)
            await store.client.execute("HSET", key, "v", left.version, "d", data)
    # what was learned is lost: no prior may take its place unasked
    lost = (
        store.layout.definition(admin.tenant_id, ids[2]),
        store.layout.params(admin.tenant_id, ids[2]),
    )
    await store.client.execute("DEL", *lost)
    before[2] = None
    params = RedisParamBackend(store.client, store.layout)
    check = RedisCheck(engine, definitions, params, store.publishing, every=3600)
    rounds = [await check.relay_batch() for _ in range(4)]
    assert rounds == [True, True, False, False]
    assert [await definitions.get(admin.tenant_id, id_) for id_ in ids] == before
    assert await store.client.execute("EXISTS", *lost) == 0
    # it is not due again
    await store.client.execute("DEL", store.layout.definition(admin.tenant_id, ids[1]))
    assert not await check.relay_batch()
    assert await definitions.get(admin.tenant_id, ids[1]) is None


def test_the_settings_have_their_names() -> None:
    environ = {
        "PROXY_GATE_CACHE_MAXSIZE": "7",
        "PROXY_GATE_CACHE_TTL": "8",
        "PROXY_GATE_REDIS_TTL": "9",
    }
    read = read_settings(ProxySettings, "PROXY_", environ).gate
    assert read == GateSettings(cache_maxsize=7, cache_ttl=8, redis_ttl=9)


async def test_memory_holds_no_more_than_it_may(store: Store) -> None:
    cache = DefinitionCache(store.definitions, maxsize=2)
    made = [definition() for _ in range(3)]
    for one in made:
        await store.publish(one)
        await cache.load(one.tenant, one.experiment)
    assert [one.experiment for one in cache.held()] == [
        one.experiment for one in made[1:]
    ]
