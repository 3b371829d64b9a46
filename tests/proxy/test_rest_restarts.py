"""Reset and rollback over REST: what they need and what they write."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person

from proxysvc import restarts
from proxysvc.settings import ProxySettings
from qbrixstore.postgres import system_session
from qbrixstore.postgres.snapshots import Snapshot
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.layout import Layout

EXPERIMENTS = "/api/v1/experiments"
# as a client sends a POST without a body
EMPTY = {"content-type": "application/json", "content-length": "0"}

Pool = dict[str, Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cortex runs beside these workers."""
    monkeypatch.setattr(restarts, "PATIENCE", 0.05)


@pytest.fixture
async def experiment(client: httpx.AsyncClient, pool: Pool) -> dict[str, Any]:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made: dict[str, Any] = (await client.post(EXPERIMENTS, json=body)).json()
    return made


async def pause(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.patch(path, json={"enabled": False})).status_code == 200


async def test_a_running_experiment_is_not_reset(
    client: httpx.AsyncClient, experiment: dict[str, Any]
) -> None:
    answer = await client.post(f"{EXPERIMENTS}/{experiment['id']}/reset", headers=EMPTY)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "pause it first" in answer.json()["detail"]


async def test_a_reset_is_in_the_log_when_it_is_answered(
    client: httpx.AsyncClient,
    settings: ProxySettings,
    admin: Person,
    experiment: dict[str, Any],
) -> None:
    path = f"{EXPERIMENTS}/{experiment['id']}"
    await pause(client, path)
    for generation in (1, 2):
        answer = await client.post(f"{path}/reset", headers=EMPTY)
        assert answer.status_code == 200
        assert answer.json() == (await client.get(path)).json()
        assert answer.json()["enabled"] is False
        async with RedisClient(settings.redis) as redis:
            layout = await Layout.read(redis)
            definition = await Definitions(redis, layout).get(
                admin.tenant_id, experiment["id"]
            )
            rows = await redis.execute("XREVRANGE", layout.log(0), "+", "-")
        assert definition is not None
        assert (definition.generation, definition.restored) == (generation, None)
        told = [
            event
            for _, fields in rows
            for event in decode_many(fields[1::2])
            if event.experiment == experiment["id"]
        ]
        assert isinstance(told[0], ControlEvent)
        assert told[0] == ControlEvent.of(definition)
    audit = (await client.get("/api/v1/audit", params={"limit": 2})).json()["entries"]
    assert [(one["action"], one["changes"]) for one in audit] == [
        ("experiment.reset", {"generation": 2}),
        ("experiment.reset", {"generation": 1}),
    ]


async def test_an_unknown_experiment_is_not_found(client: httpx.AsyncClient) -> None:
    for name in ("0" * 32, "nonsense"):
        answer = await client.post(f"{EXPERIMENTS}/{name}/reset", headers=EMPTY)
        assert (answer.status_code, answer.json()["code"]) == (
            404,
            "EXPERIMENT_NOT_FOUND",
        )


async def test_reset_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    operation = paths[EXPERIMENTS + "/{experiment_id}/reset"]["post"]
    assert "requestBody" not in operation
    assert {"200", "404", "409"} <= set(operation["responses"])


async def test_only_kept_versions_can_be_gone_back_to(
    client: httpx.AsyncClient,
    engine: AsyncEngine,
    admin: Person,
    experiment: dict[str, Any],
) -> None:
    path = f"{EXPERIMENTS}/{experiment['id']}"
    assert (await client.get(f"{path}/versions")).json() == {"versions": []}
    answer = await client.post(f"{path}/rollback", json={"version": 7})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    await keep(engine, admin.tenant_id, experiment["id"], 7)
    answer = await client.post(f"{path}/rollback", json={"version": 7})
    assert answer.status_code == 200
    (kept,) = (await client.get(f"{path}/versions")).json()["versions"]
    assert (kept["version"], kept["updates"]) == (7, 70)
    (last,) = (await client.get("/api/v1/audit", params={"limit": 1})).json()["entries"]
    assert last["action"] == "experiment.rollback"
    assert last["changes"] == {"generation": 1, "version": 7}
    # newer ones push the others out, but not what is being gone back to
    for version in (8, 9, 10):
        await keep(engine, admin.tenant_id, experiment["id"], version)
    left = (await client.get(f"{path}/versions")).json()["versions"]
    assert [one["version"] for one in left] == [10, 9, 7]


@pytest.mark.parametrize("body", [{}, {"version": -1}, {"version": "7"}, {"v": 1}])
async def test_a_rollback_says_where_to(
    client: httpx.AsyncClient, experiment: dict[str, Any], body: dict[str, Any]
) -> None:
    path = f"{EXPERIMENTS}/{experiment['id']}/rollback"
    assert (await client.post(path, json=body)).status_code == 422


async def keep(engine: AsyncEngine, tenant: str, experiment: str, version: int) -> None:
    one = Snapshot(
        tenant=tenant,
        experiment=experiment,
        version=version,
        generation=0,
        updates=10 * version,
        learned_through_ms=0,
        state=b"",
    )
    async with system_session(engine) as session:
        await Snapshots(session).keep([one], last=2)
