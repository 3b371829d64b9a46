"""Reset and rollback through the running system: at once, and for good."""

from __future__ import annotations

import httpx
from tests.system.learned import learned
from tests.system.running import Up

from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import Layout


def make(api: httpx.Client, name: str) -> str:
    arms = [{"name": "a"}, {"name": "b"}]
    pool = api.post("/pools", json={"name": name, "arms": arms}).json()["id"]
    body = {"name": name, "pool_id": pool, "policy": "BetaTSPolicy"}
    return str(api.post("/experiments", json=body).json()["id"])


def select(api: httpx.Client, experiment: str) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "someone"}}
    answer = api.post("/agent/select", json=body)
    assert answer.status_code == 200
    return answer


def reward(api: httpx.Client, token: str) -> None:
    body = {"request_id": token, "reward": 1}
    assert api.post("/agent/feedback", json=body).status_code == 201


def reset(api: httpx.Client, experiment: str) -> None:
    assert api.post(f"/experiments/{experiment}/reset").status_code == 200


def switch(api: httpx.Client, experiment: str, enabled: bool) -> None:
    path = f"/experiments/{experiment}"
    assert api.patch(path, json={"enabled": enabled}).status_code == 200


async def test_a_reset_forgets_and_late_feedback_is_not_learned(
    system: Up, api: httpx.Client
) -> None:
    experiment = make(api, "reset")
    tokens = [select(api, experiment).json()["request_id"] for _ in range(12)]
    for token in tokens[:10]:
        reward(api, token)
    async with learned(system, experiment) as state:
        await state.until(10)
        gauges = ShardGauges(state.client, await Layout.read(state.client))
        stale = (await gauges.counters())["stale"]
        switch(api, experiment, False)
        reset(api, experiment)
        # the answer comes after the log has reached it
        stored = await state.stored()
        assert (stored.header.generation, stored.header.updates) == (1, 0)
        assert stored.state.pulls.sum() == 0

        switch(api, experiment, True)
        for token in tokens[10:]:
            reward(api, token)
        answer = select(api, experiment)
        while answer.json()["is_default"]:
            answer = select(api, experiment)
        assert int(answer.headers["x-param-version"]) >= stored.header.version
        reward(api, answer.json()["request_id"])
        await state.until(1)
        assert (await state.pulls()).sum() == 1
        assert (await gauges.counters())["stale"] == stale + 2


async def test_a_rollback_brings_back_what_a_reset_forgot(
    system: Up, api: httpx.Client
) -> None:
    experiment = make(api, "rollback")
    tokens = [select(api, experiment).json()["request_id"] for _ in range(11)]
    for token in tokens[:10]:
        reward(api, token)
    async with learned(system, experiment) as state:
        await state.until(10)
        before = await state.stored()
        switch(api, experiment, False)
        reset(api, experiment)
        assert (await state.pulls()).sum() == 0
        (kept,) = versions(api, experiment)
        assert (kept["updates"], kept["generation"]) == (10, 0)
        # a running experiment may go back, too
        switch(api, experiment, True)
        rollback(api, experiment, kept["version"])

        after = await state.stored()
        assert after.header.generation == 2
        assert after.header.version > before.header.version
        assert after.header.updates == 10
        assert after.state.pulls.tolist() == before.state.pulls.tolist()
        # what was chosen before is of another generation
        reward(api, tokens[10])
        answer = select(api, experiment)
        while int(answer.headers["x-param-version"]) < after.header.version:
            answer = select(api, experiment)
        reward(api, answer.json()["request_id"])
        assert (await state.until(11)).sum() == 11


def versions(api: httpx.Client, experiment: str) -> list[dict[str, int]]:
    answer = api.get(f"/experiments/{experiment}/versions")
    assert answer.status_code == 200
    found: list[dict[str, int]] = answer.json()["versions"]
    return found


def rollback(api: httpx.Client, experiment: str, version: int) -> None:
    path = f"/experiments/{experiment}/rollback"
    assert api.post(path, json={"version": version}).status_code == 200
