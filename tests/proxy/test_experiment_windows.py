"""Reward windows of experiments: set, changed and taken away, on both wires."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2 as proxy
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings

EXPERIMENTS = "/api/v1/experiments"
LONGEST = 3_600

Pool = dict[str, Any]
Pair = tuple[int | None, float | None]


@pytest.fixture
def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, token_ttl_sec=LONGEST)


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


async def create(client: httpx.AsyncClient, pool: Pool, **more: Any) -> httpx.Response:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy", **more}
    return await client.post(EXPERIMENTS, content=msgspec.json.encode(body))


def shown(made: dict[str, Any]) -> Pair:
    return made["reward_window_sec"], made["default_reward"]


async def test_a_window_is_stored_shown_and_published(
    client: httpx.AsyncClient, pool: Pool, admin: Person, redis_server: RedisSettings
) -> None:
    window = {"reward_window_sec": 60, "default_reward": 0}
    made = (await create(client, pool, **window)).json()
    path = f"{EXPERIMENTS}/{made['id']}"
    assert shown(made) == (60, 0)
    assert (await client.get(path)).json() == made
    assert (await client.get(EXPERIMENTS)).json()["experiments"] == [made]
    async with RedisClient(redis_server) as redis:
        definitions = Definitions(redis, await Layout.read(redis))
        one = await definitions.get(admin.tenant_id, made["id"])
        assert one is not None
        assert (one.reward_window_sec, one.default_reward) == (60, 0.0)
        changed = await client.patch(path, json={"default_reward": 1})
        assert shown(changed.json()) == (60, 1)
        after = await definitions.get(admin.tenant_id, made["id"])
        assert after is not None
        assert (after.version, after.default_reward) == (one.version + 1, 1.0)


async def test_there_is_none_unless_asked_for(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    for name, window in (("a", {}), ("b", {"reward_window_sec": None})):
        made = await create(client, pool, name=name, **window)
        assert shown(made.json()) == (None, None)


async def test_a_window_that_cannot_be_is_refused(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    made = (await create(client, pool, name="plain")).json()
    path = f"{EXPERIMENTS}/{made['id']}"
    for window, said in (
        ({"reward_window_sec": 0}, "from 1 to 3600, got 0"),
        ({"reward_window_sec": -1}, "from 1 to 3600"),
        ({"reward_window_sec": LONGEST + 1}, "from 1 to 3600"),
        ({"reward_window_sec": 2**63}, "from 1 to 3600"),
        ({"default_reward": 0}, "needs a reward_window_sec"),
        ({"reward_window_sec": 1, "default_reward": 1.5}, "a number from 0 to 1"),
        ({"reward_window_sec": 1, "default_reward": -1}, "a number from 0 to 1"),
    ):
        body = msgspec.json.encode(window)
        for answer in (
            await create(client, pool, **window),
            await client.patch(path, content=body),
        ):
            assert answer.status_code == 400, window
            assert answer.json()["code"] == "BAD_REQUEST"
            assert said in answer.json()["detail"]
    for wrong in ("1", 1.5, True, [], {}):
        answer = await create(client, pool, reward_window_sec=wrong)
        assert answer.status_code == 422
    assert (await client.get(EXPERIMENTS)).json()["experiments"] == [made]


async def test_what_is_absent_stays_and_null_clears(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    window = {"reward_window_sec": 60, "default_reward": 1}
    made = (await create(client, pool, **window)).json()
    path = f"{EXPERIMENTS}/{made['id']}"
    cases: list[tuple[dict[str, Any], Pair | None]] = [
        ({}, (60, 1)),
        ({"enabled": False}, (60, 1)),
        ({"reward_window_sec": 90}, (90, 1)),
        ({"default_reward": 0}, (60, 0)),
        ({"default_reward": None}, (60, None)),
        ({"reward_window_sec": None}, (None, None)),
        ({"reward_window_sec": None, "default_reward": None}, (None, None)),
        ({"reward_window_sec": None, "default_reward": 1}, None),
    ]
    for change, then in cases:
        await client.patch(path, json=window)
        answer = await client.patch(path, json=change)
        assert answer.status_code == (400 if then is None else 200), change
        assert shown((await client.get(path)).json()) == (then or (60, 1)), change


async def test_a_default_keeps_fitting_the_parameters(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    window = {"reward_window_sec": 60, "default_reward": 0.5}
    made = (await create(client, pool, policy="auto", **window)).json()
    path, binary = f"{EXPERIMENTS}/{made['id']}", {"reward_type": "binary"}
    answer = await client.patch(path, json={"policy_params": binary})
    assert answer.status_code == 400
    assert "default_reward" in answer.json()["detail"]
    change = {"policy_params": binary, "default_reward": 1}
    assert (await client.patch(path, json=change)).status_code == 200


async def test_a_change_is_in_the_audit_log(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    made = (await create(client, pool)).json()
    change = {"reward_window_sec": 9, "default_reward": 0}
    await client.patch(f"{EXPERIMENTS}/{made['id']}", json=change)
    entries = (await client.get("/api/v1/audit")).json()["entries"]
    noted = [one for one in entries if one["action"] == "experiment.update"]
    assert noted[0]["changes"] == {"reward_window_sec": 9, "default_reward": 0.0}


async def test_the_same_over_grpc(
    client: httpx.AsyncClient, calls: Calls, pool: Pool
) -> None:
    given = {"name": "g", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = (
        await calls.CreateExperiment(
            proxy.CreateExperimentRequest(
                **given, enabled=True, reward_window_sec=60, default_reward=1.0
            )
        )
    ).experiment
    assert (made.reward_window_sec, made.default_reward) == (60, 1.0)
    rest = (await client.get(f"{EXPERIMENTS}/{made.id}")).json()
    assert shown(rest) == (60, 1)
    for change, then in (
        ({}, (60, 1.0)),
        ({"reward_window_sec": 90}, (90, 1.0)),
        ({"default_reward": 0.0}, (90, 0.0)),
        ({"without_default_reward": True}, (90, None)),
        ({"default_reward": 1.0}, (90, 1.0)),
        ({"reward_window_sec": 0}, (None, None)),
    ):
        request = proxy.UpdateExperimentRequest(experiment_id=made.id, **change)
        answer = (await calls.UpdateExperiment(request)).experiment
        assert _window(answer) == then
    nothing = proxy.GetExperimentRequest(experiment_id=made.id)
    assert _window((await calls.GetExperiment(nothing)).experiment) == (None, None)
    for wrong in (
        {"reward_window_sec": -1},
        {"reward_window_sec": 60, "default_reward": float("nan")},
        {"default_reward": 1.0},
    ):
        request = proxy.UpdateExperimentRequest(experiment_id=made.id, **wrong)
        status, _ = await refused(calls.UpdateExperiment(request))
        assert status is grpc.StatusCode.INVALID_ARGUMENT


def _window(message: Any) -> Pair:
    return (
        message.reward_window_sec if message.HasField("reward_window_sec") else None,
        message.default_reward if message.HasField("default_reward") else None,
    )
