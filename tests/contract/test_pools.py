"""Rows 11 to 19: pools."""

from __future__ import annotations

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import model
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named


@pytest.mark.row(11, 12)
def test_a_new_pool_has_its_arms_in_order(client: Client) -> None:
    name = named("pool")
    pool = client.pool.create(name, arms("c", "a", "b"))
    assert pool.model == "Pool"
    assert pool.name == name
    assert pool.id
    assert [(arm.name, arm.index) for arm in pool.arms] == [
        ("c", 0),
        ("a", 1),
        ("b", 2),
    ]
    assert all(arm.is_active for arm in pool.arms)
    assert len({arm.id for arm in pool.arms}) == 3
    assert isinstance(pool.created_at, str)


@pytest.mark.row(11)
def test_a_new_pool_is_created_in_plain_http(plain: httpx.Client) -> None:
    body = {"name": named("pool"), "arms": [{"name": "a"}, {"name": "b"}]}
    made = plain.post("/api/v1/pools", json=body)
    assert made.status_code == 201
    pool = made.json()
    assert isinstance(pool["id"], str)
    assert [(arm["name"], arm["index"]) for arm in pool["arms"]] == [("a", 0), ("b", 1)]
    assert all(isinstance(arm["id"], str) for arm in pool["arms"])
    assert isinstance(pool["created_at"], str)
    assert isinstance(pool["updated_at"], str)


@pytest.mark.row(13)
@only_http
def test_metadata_keep_their_types(client: Client) -> None:
    metadata = {"price": 20, "ratio": 0.5, "tags": ["a", {"b": None}], "on": True}
    given = [model("ArmCreate", name="a", metadata=metadata), {"name": "b"}]
    pool = client.pool.create(named("pool"), given)
    for found in (pool, client.pool.get(pool.id)):
        assert found.arms[0].metadata == metadata
        assert found.arms[1].metadata == {}


@pytest.mark.row(13)
@only_grpc
def test_metadata_are_strings_on_grpc(client: Client) -> None:
    given = [{"name": "a", "metadata": {"price": 20, "on": True, "text": "x"}}]
    pool = client.pool.create(named("pool"), [*given, {"name": "b"}])
    expected = {"price": "20", "on": "True", "text": "x"}
    assert client.pool.get(pool.id).arms[0].metadata == expected


@pytest.mark.row(14, 62)
def test_a_pool_is_found_or_not(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms())
    found = client.pool.get(pool.id)
    assert (found.id, found.name, found.arms) == (pool.id, pool.name, pool.arms)
    with refused("NotFoundError", 404):
        client.pool.get("never-made")


@pytest.mark.row(15)
def test_pages_of_pools_are_exact(connect: Connect, place: Place) -> None:
    client = connect(place.caller())
    made = [client.pool.create(named("pool"), arms()).id for _ in range(5)]
    assert client.pool.list(limit=1_000).limit == 1_000
    first = client.pool.list(limit=2)
    assert (first.limit, first.offset, len(first["items"])) == (2, 0, 2)
    assert first.has_more
    rest = client.pool.list(limit=100, offset=2)
    assert (rest.limit, rest.offset, rest.has_more) == (100, 2, False)
    paged = [pool.id for pool in (*first["items"], *rest["items"])]
    assert sorted(paged) == sorted(made)
    assert [pool.id for pool in client.pool.list()["items"]] == paged
    for limit in (1, 2, 5, 100):
        assert [pool.id for pool in client.pool.iter_all(limit=limit)] == paged


@pytest.mark.row(16)
def test_a_pool_is_renamed_or_left(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms())
    assert client.pool.update(pool.id).name == pool.name
    name = named("renamed")
    renamed = client.pool.update(pool.id, name=name)
    assert (renamed.id, renamed.name, renamed.arms) == (pool.id, name, pool.arms)
    assert client.pool.get(pool.id).name == name


@pytest.mark.row(17, 63)
def test_a_pool_in_use_is_not_deleted(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms())
    user = client.experiment.create(named("e"), pool.id, policy="BetaTSPolicy")
    with refused("ConflictError", 409) as caught:
        client.pool.delete(pool.id)
    if not client.is_grpc:
        assert caught[0].context == {"experiments": [user.id]}
    client.experiment.delete(user.id)
    assert client.pool.delete(pool.id) is None
    with refused("NotFoundError", 404):
        client.pool.get(pool.id)
    with refused("NotFoundError", 404):
        client.pool.delete(pool.id)


@pytest.mark.row(17, 58)
def test_the_conflict_has_its_code(plain: httpx.Client) -> None:
    body = {"name": named("pool"), "arms": arms()}
    pool = plain.post("/api/v1/pools", json=body).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    user = plain.post("/api/v1/experiments", json=body).json()
    answer = plain.delete(f"/api/v1/pools/{pool['id']}")
    assert answer.status_code == 409
    assert answer.json()["code"] == "POOL_HAS_EXPERIMENTS"
    assert answer.json()["context"] == {"experiments": [user["id"]]}


@pytest.mark.row(18)
def test_experiments_of_a_pool_are_listed(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms())
    assert client.pool.list_experiments(pool.id) == []
    made = [
        client.experiment.create(named("e"), pool.id, policy="BetaTSPolicy").id
        for _ in range(2)
    ]
    found = client.pool.list_experiments(pool.id)
    assert [one.model for one in found] == ["Experiment", "Experiment"]
    assert sorted(one.id for one in found) == sorted(made)
    assert {one.pool_id for one in found} == {pool.id}
    with refused("NotFoundError", 404):
        client.pool.list_experiments("never-made")


@pytest.mark.row(18)
def test_experiments_of_a_pool_are_a_bare_array(plain: httpx.Client) -> None:
    body = {"name": named("pool"), "arms": arms()}
    pool = plain.post("/api/v1/pools", json=body).json()
    assert plain.get(f"/api/v1/pools/{pool['id']}/experiments").json() == []


@pytest.mark.row(19, 63)
def test_a_name_is_given_once(client: Client) -> None:
    pool = client.pool.create(named("pool"), arms())
    with refused("ConflictError", 409):
        client.pool.create(pool.name, arms())
    name = named("e")
    client.experiment.create(name, pool.id, policy="BetaTSPolicy")
    with refused("ConflictError", 409):
        client.experiment.create(name, pool.id, policy="BetaTSPolicy")
    with refused("ConflictError", 409):
        client.pool.update(client.pool.create(named("p"), arms()).id, name=pool.name)
