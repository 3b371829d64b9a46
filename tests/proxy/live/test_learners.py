"""The learners of an auto experiment: to be read on both wires, and never changed."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.grpc_calls import calls_to
from tests.proxy.live.arms import arms_of
from tests.proxy.live.arms import on
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2 as proxy

EXPERIMENTS = "/api/v1/experiments"
NAMES = {
    "binary": ["beta_ts", "discounted_ts_0.998", "discounted_ts_0.98"],
    "context": ["beta_ts", "lin_ucb", "lin_ucb_0.25"],
}


@pytest.fixture
def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, plan_limits=("free:0/0/1",))


@pytest.fixture
async def auto(client: httpx.AsyncClient, pool: dict[str, Any]) -> dict[str, Any]:
    return await on(client, pool, "auto", {"reward_type": "binary"})


def url_of(id_: str) -> str:
    return f"{EXPERIMENTS}/{id_}"


async def test_an_auto_experiment_names_its_learners(
    client: httpx.AsyncClient, auto: dict[str, Any]
) -> None:
    assert auto["policy"] == "auto"
    assert auto["meta_experiment_id"] is None
    wanted = [f"{auto['id']}-{name}" for name in NAMES["binary"]]
    assert auto["learner_ids"] == wanted
    assert (await client.get(url_of(auto["id"]))).json() == auto


async def test_each_can_be_read_as_an_experiment(
    client: httpx.AsyncClient, auto: dict[str, Any]
) -> None:
    shown = [(await client.get(url_of(id_))).json() for id_ in auto["learner_ids"]]
    assert [one["policy"] for one in shown] == [
        "BetaTSPolicy",
        "DiscountedTSPolicy",
        "DiscountedTSPolicy",
    ]
    assert [one["policy_params"] for one in shown] == [
        {},
        {"gamma": 0.998},
        {"gamma": 0.98},
    ]
    for one, id_, name in zip(shown, auto["learner_ids"], NAMES["binary"], strict=True):
        assert one == {
            **auto,
            "id": id_,
            "name": f"{auto['name']}/{name}",
            "policy": one["policy"],
            "policy_params": one["policy_params"],
            "meta_experiment_id": auto["id"],
            "learner_ids": [],
        }


async def test_they_follow_their_experiment(
    client: httpx.AsyncClient, auto: dict[str, Any], pool: dict[str, Any]
) -> None:
    await client.patch(url_of(auto["id"]), json={"enabled": False})
    await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
    one = (await client.get(url_of(auto["learner_ids"][0]))).json()
    assert one["enabled"] is False
    assert len(one["pool"]["arms"]) == 3
    assert (await client.delete(url_of(auto["id"]))).status_code == 200
    assert (await client.get(url_of(auto["learner_ids"][0]))).status_code == 404


async def test_with_context_others_run(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    made = await on(client, pool, "MetaBanditPolicy", {"dim": 4})
    ids = made["learner_ids"]
    assert [id_.removeprefix(f"{made['id']}-") for id_ in ids] == NAMES["context"]
    linear = (await client.get(url_of(ids[2]))).json()
    assert linear["policy_params"] == {"dim": 4, "alpha": 0.25}


async def test_they_are_in_no_list_and_count_for_no_plan(
    client: httpx.AsyncClient, auto: dict[str, Any], pool: dict[str, Any]
) -> None:
    listed = (await client.get(EXPERIMENTS)).json()["experiments"]
    assert listed == [auto]
    searched = await client.get(EXPERIMENTS, params={"search": "beta_ts"})
    assert searched.json()["experiments"] == []
    of_pool = (await client.get(f"/api/v1/pools/{pool['id']}/experiments")).json()
    assert of_pool == [auto]
    used = await client.delete(f"/api/v1/pools/{pool['id']}")
    assert used.json()["context"] == {"experiments": [auto["id"]]}


async def test_the_plan_has_room_for_one_with_all_its_learners(
    client: httpx.AsyncClient, pool: dict[str, Any], worker: Worker
) -> None:
    register = {"email": "one@example.com", "password": "correct horse battery"}
    assert (await client.post("/auth/register", json=register)).status_code == 201
    login = (await client.post("/auth/login", json=register)).json()
    bearer = {"Authorization": f"Bearer {login['access_token']}"}
    async with client_of(worker, bearer) as newcomer:
        arms = {"name": "own", "arms": [{"name": "a"}, {"name": "b"}]}
        own = (await newcomer.post("/api/v1/pools", json=arms)).json()
        first = await on(newcomer, own, "auto")
        assert len(first["learner_ids"]) == 3
        body = {"name": "second", "pool_id": own["id"], "policy": "BetaTSPolicy"}
        answer = await newcomer.post(EXPERIMENTS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (
        409,
        "EXPERIMENT_LIMIT_REACHED",
    )


async def test_none_can_be_changed_or_deleted(
    client: httpx.AsyncClient, auto: dict[str, Any]
) -> None:
    audited = (await client.get("/api/v1/audit")).json()
    for id_ in auto["learner_ids"]:
        for body in ({"enabled": False}, {"policy_params": {"gamma": 0.5}}, {}):
            answer = await client.patch(url_of(id_), json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
        answer = await client.delete(url_of(id_))
        assert (answer.status_code, answer.json()["code"]) == (
            403,
            "LEARNER_EXPERIMENT_DELETE_FORBIDDEN",
        )
        # what has no meaning for a learner does not find it either
        for url in (f"{url_of(id_)}/reset", f"/api/v1/gates/{id_}"):
            assert (await client.post(url, json={})).status_code in (403, 404)
        context = {"experiment_id": id_, "context": {"id": "u"}}
        select = await client.post("/api/v1/agent/select", json=context)
        assert select.status_code == 404
    assert (await client.get(url_of(auto["id"]))).json() == auto
    assert (await client.get("/api/v1/audit")).json() == audited


async def test_what_is_no_learner_is_not_found(
    client: httpx.AsyncClient, auto: dict[str, Any], pool: dict[str, Any]
) -> None:
    await client.patch(url_of(auto["id"]), json={"enabled": False})
    plain = await on(client, pool, "BetaTSPolicy")
    assert plain["learner_ids"] == []
    unknown = "0" * 32
    for id_ in (
        f"{plain['id']}-beta_ts",
        f"{auto['id']}-lin_ucb",
        f"{auto['id']}-",
        f"{auto['id']}-BETA_TS",
        f"{unknown}-beta_ts",
        f"{auto['id']}-beta_ts-beta_ts",
    ):
        for answer in (
            await client.get(url_of(id_)),
            await client.patch(url_of(id_), json={"enabled": False}),
            await client.delete(url_of(id_)),
        ):
            assert answer.status_code == 404, id_
            assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_another_tenant_does_not_find_them(
    worker: Worker, engine: AsyncEngine, auto: dict[str, Any]
) -> None:
    stranger = await add_person(engine)
    async with client_of(worker, stranger.headers) as client:
        for id_ in auto["learner_ids"]:
            for method in ("get", "patch", "delete"):
                body = {} if method == "patch" else None
                answer = await client.request(method, url_of(id_), json=body)
                assert answer.status_code == 404
                assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_grpc_says_the_same(
    worker: Worker, admin: Person, auto: dict[str, Any]
) -> None:
    (id_, *_) = auto["learner_ids"]
    async with calls_to(worker, admin.key) as calls:
        got = await calls.GetExperiment(proxy.GetExperimentRequest(experiment_id=id_))
        assert got.experiment.id == id_
        assert got.experiment.policy == "BetaTSPolicy"
        assert got.pool.id == auto["pool_id"]
        requests = (
            calls.UpdateExperiment(
                proxy.UpdateExperimentRequest(experiment_id=id_, enabled=False)
            ),
            calls.DeleteExperiment(proxy.DeleteExperimentRequest(experiment_id=id_)),
        )
        for request in requests:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await request
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        listed = await calls.ListExperiments(proxy.ListExperimentsRequest())
        assert [one.id for one in listed.experiments] == [auto["id"]]
