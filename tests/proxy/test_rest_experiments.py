"""Experiments over REST, as the published clients read them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

EXPERIMENTS = "/api/v1/experiments"
SCHEMA = [
    {"type": "categorical", "name": "device", "values": ["phone", "desk"]},
    {"type": "numeric", "name": "age", "min": 0, "max": 100},
    {"type": "boolean", "name": "member"},
]
FIELDS = {
    "id",
    "name",
    "pool_id",
    "policy",
    "policy_params",
    "enabled",
    "created_at",
    "updated_at",
    "pool",
    "feature_gate",
    "meta_experiment_id",
    "learner_ids",
    "reward_window_sec",
    "default_reward",
}

Pool = dict[str, Any]


async def create(client: httpx.AsyncClient, pool: Pool, **more: Any) -> httpx.Response:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy", **more}
    return await client.post(EXPERIMENTS, json=body)


async def test_an_experiment_shows_its_pool(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    answer = await create(client, pool, policy_params={"alpha_prior": 2})
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == FIELDS
    assert made["policy_params"] == {"alpha_prior": 2}
    assert made["enabled"] is True
    assert made["feature_gate"] is None
    assert made["pool_id"] == made["pool"]["id"] == pool["id"]
    assert made["pool"]["arms"] == pool["arms"]
    assert (await client.get(f"{EXPERIMENTS}/{made['id']}")).json() == made
    of_pool = await client.get(f"/api/v1/pools/{pool['id']}/experiments")
    assert of_pool.json() == [made]


async def test_a_schema_implies_dim(client: httpx.AsyncClient, pool: Pool) -> None:
    params = {"context_schema": SCHEMA, "alpha": 0.5}
    answer = await create(client, pool, policy="LinUCBPolicy", policy_params=params)
    assert answer.status_code == 201
    assert answer.json()["policy_params"] == {**params, "dim": 6}


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({}, {}),
        ({"reward_type": "binary"}, {"reward_type": "binary"}),
        ({"context_schema": SCHEMA}, {"context_schema": SCHEMA, "dim": 6}),
    ],
    ids=["nothing", "reward type", "schema"],
)
async def test_auto_needs_to_be_told_nothing(
    client: httpx.AsyncClient,
    pool: Pool,
    params: dict[str, Any],
    shown: dict[str, Any],
) -> None:
    answer = await create(client, pool, policy="auto", policy_params=params)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["policy"], made["policy_params"]) == ("auto", shown)
    assert (await client.get(f"{EXPERIMENTS}/{made['id']}")).json() == made


@pytest.mark.parametrize(
    ("policy", "params", "said"),
    [
        ("NoSuchPolicy", {}, "unknown policy"),
        ("auto", {"use_context": True}, "use_context needs dim"),
        ("auto", {"reward_type": "fuzzy"}, "reward_type"),
        ("BetaTSPolicy", {"alpha_prior": 0}, "alpha_prior"),
        ("BetaTSPolicy", {"beta": 1}, "beta"),
        ("LinUCBPolicy", {}, "dim"),
        ("LinUCBPolicy", {"dim": 6, "context_schema": SCHEMA}, "not both"),
        ("LinUCBPolicy", {"context_schema": "x"}, "context_schema"),
        ("LinUCBPolicy", {"dim": 1024}, "at most 8388608"),
    ],
)
async def test_bad_policies_are_refused(
    client: httpx.AsyncClient, pool: Pool, policy: str, params: object, said: str
) -> None:
    answer = await create(client, pool, policy=policy, policy_params=params)
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_POLICY_PARAMS"
    assert said in answer.json()["detail"]
    assert (await client.get(EXPERIMENTS)).json()["experiments"] == []


async def test_a_gate_may_come_with_it_and_a_null_one_is_none(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    gated = (await create(client, pool, feature_gate={"rollout_percentage": 50})).json()
    assert gated["feature_gate"]["rollout_percentage"] == 50
    assert gated["feature_gate"]["experiment_id"] == gated["id"]
    assert (await client.get(f"{EXPERIMENTS}/{gated['id']}")).json() == gated
    assert (await client.get(EXPERIMENTS)).json()["experiments"] == [gated]
    of_pool = await client.get(f"/api/v1/pools/{pool['id']}/experiments")
    assert of_pool.json() == [gated]
    plain = await create(client, pool, name="plain", feature_gate=None)
    assert plain.json()["feature_gate"] is None
    wrong = {"default_arm_id": "nowhere"}
    refused = await create(client, pool, name="wrong", feature_gate=wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")
    assert len((await client.get(EXPERIMENTS)).json()["experiments"]) == 2


async def test_names_and_pools_must_fit(client: httpx.AsyncClient, pool: Pool) -> None:
    assert (await create(client, pool)).status_code == 201
    again = await create(client, pool)
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
    for unknown in ("0" * 32, "x"):
        nowhere = await create(client, pool, name="other", pool_id=unknown)
        assert nowhere.status_code == 404
        assert nowhere.json()["code"] == "POOL_NOT_FOUND"


async def test_lists_are_searched_and_filtered(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    names = ["Home page", "home 100%", "search_box"]
    for name in names:
        await create(client, pool, name=name, enabled=name != "Home page")

    async def found(**query: object) -> list[str]:
        page = (await client.get(EXPERIMENTS, params=query)).json()
        assert set(page) == {"experiments", "limit", "offset"}
        return [experiment["name"] for experiment in page["experiments"]]

    assert await found() == names[::-1]
    assert await found(search="HOME") == ["home 100%", "Home page"]
    assert await found(search="%") == ["home 100%"]
    assert await found(search="_") == ["search_box"]
    assert await found(enabled="false") == ["Home page"]
    assert await found(enabled="true", search="home") == ["home 100%"]
    assert await found(limit=1, offset=1) == ["home 100%"]


async def test_pausing_and_tuning_keep_the_rest(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    made = (await create(client, pool, policy_params={"alpha_prior": 2})).json()
    url = f"{EXPERIMENTS}/{made['id']}"
    paused = (await client.patch(url, json={"enabled": False})).json()
    assert paused == {**made, "enabled": False, "updated_at": paused["updated_at"]}
    tuned = (await client.patch(url, json={"policy_params": {"beta_prior": 3}})).json()
    assert tuned["policy_params"] == {"beta_prior": 3}
    assert tuned["enabled"] is False
    cleared = (await client.patch(url, json={"policy_params": {}})).json()
    assert cleared["policy_params"] == {}
    assert (await client.patch(url, json={})).json() == cleared
    bad = await client.patch(url, json={"policy_params": {"beta_prior": -1}})
    assert (bad.status_code, bad.json()["code"]) == (400, "INVALID_POLICY_PARAMS")
    assert (await client.get(url)).json() == cleared


@pytest.mark.parametrize(
    "params",
    [{"dim": 4}, {"context_schema": SCHEMA[:1]}, {"dim": 6}, {}],
    ids=["dim", "schema", "schema to dim", "neither"],
)
async def test_the_shape_of_what_is_learned_cannot_change(
    client: httpx.AsyncClient, pool: Pool, params: dict[str, Any]
) -> None:
    given = {"context_schema": SCHEMA}
    made = await create(client, pool, policy="LinUCBPolicy", policy_params=given)
    url = f"{EXPERIMENTS}/{made.json()['id']}"
    answer = await client.patch(url, json={"policy_params": params})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_POLICY_PARAMS")
    same = {**given, "alpha": 0.1}
    assert (await client.patch(url, json={"policy_params": same})).status_code == 200


async def test_a_deleted_experiment_is_gone_and_its_pool_stays(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    made = (await create(client, pool)).json()
    used = await client.delete(f"/api/v1/pools/{pool['id']}")
    assert (used.status_code, used.json()["code"]) == (409, "POOL_HAS_EXPERIMENTS")
    assert used.json()["context"] == {"experiments": [made["id"]]}
    url = f"{EXPERIMENTS}/{made['id']}"
    assert (await client.delete(url)).status_code == 200
    for answer in (
        await client.get(url),
        await client.delete(url),
        await client.patch(url, json={"enabled": True}),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"
    assert (await client.delete(f"/api/v1/pools/{pool['id']}")).status_code == 200
