"""Rows 20 to 30: experiments."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import model
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.contract.place import arms
from tests.contract.place import named

SCHEMA = [
    {"name": "device", "type": "categorical", "values": ["mobile", "desktop"]},
    {"name": "price", "type": "numeric", "min": 0, "max": 100},
    {"name": "member", "type": "boolean"},
]


def pool_of(client: Client) -> Any:
    return client.pool.create(named("pool"), arms())


def running(client: Client, **options: Any) -> Any:
    options = {"policy": "BetaTSPolicy", **options}
    return client.experiment.create(named("e"), pool_of(client).id, **options)


@pytest.mark.row(20)
def test_auto_is_what_one_gets_for_nothing(client: Client) -> None:
    pool = pool_of(client)
    made = client.experiment.create(named("auto"), pool.id)
    assert made.policy == "auto"
    assert client.experiment.get(made.id).policy == "auto"
    chosen = client.agent.select(made.id, {"id": "someone"})
    assert chosen.arm.name in {"blue", "green"}
    client.agent.feedback(chosen.request_id, 1)


@pytest.mark.row(20)
def test_no_policy_is_auto(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    for policy in ({}, {"policy": ""}):
        body = {"name": named("e"), "pool_id": pool["id"], **policy}
        made = plain.post("/api/v1/experiments", json=body)
        assert (made.status_code, made.json()["policy"]) == (201, "auto")


@pytest.mark.row(21)
def test_params_keep_their_shape(client: Client) -> None:
    params = {"context_schema": SCHEMA, "alpha": 2.5}
    made = running(client, policy="LinUCBPolicy", policy_params=params)
    for found in (made, client.experiment.get(made.id)):
        assert found.policy_params["context_schema"] == SCHEMA
        assert found.policy_params["alpha"] == 2.5
    whole = running(client, policy="LinUCBPolicy", policy_params={"dim": 6})
    assert whole.policy_params["dim"] == 6


@pytest.mark.row(21)
def test_a_whole_double_is_an_integer_again(
    connect: Connect, place: Place, caller: Caller
) -> None:
    """A double is all that grpc knows of numbers; the store has an integer."""
    made = running(connect(caller), policy="MOSSPolicy", policy_params={"horizon": 9})
    with place.plain(caller) as plain:
        shown = plain.get(f"/api/v1/experiments/{made.id}").json()
    assert shown["policy_params"]["horizon"] == 9
    assert isinstance(shown["policy_params"]["horizon"], int)


@pytest.mark.row(22, 23)
def test_the_reply_has_everything(client: Client) -> None:
    pool, name = pool_of(client), named("e")
    params = {"alpha_prior": 2.0}
    made = client.experiment.create(
        name, pool.id, policy="BetaTSPolicy", policy_params=params, enabled=False
    )
    for found in (made, client.experiment.get(made.id)):
        assert found.model == "Experiment"
        assert (found.name, found.pool_id, found.policy) == (
            name,
            pool.id,
            "BetaTSPolicy",
        )
        assert found.policy_params["alpha_prior"] == 2.0
        assert found.enabled is False
        assert (found.pool.id, found.pool.arms) == (pool.id, pool.arms)
        assert found.feature_gate is None
        assert found.meta_experiment_id is None
        assert isinstance(found.created_at, str)


@pytest.mark.row(23, 24)
def test_a_gate_comes_with_its_experiment(client: Client) -> None:
    pool = pool_of(client)
    partial = {"rollout_percentage": 25.0, "default_arm_id": pool.arms[1].id}
    full = model("GateCreate", rollout_percentage=25.0, default_arm_id=pool.arms[1].id)
    for gate in (partial, full):
        made = client.experiment.create(
            named("e"), pool.id, policy="BetaTSPolicy", feature_gate=gate
        )
        items = client.experiment.list(search=made.name)["items"]
        for found in (made, client.experiment.get(made.id), *items):
            assert found.feature_gate.model == "GateConfig"
            assert found.feature_gate.experiment_id == made.id
            assert found.feature_gate.rollout_percentage == 25.0
            assert found.feature_gate.default_arm_id == pool.arms[1].id
            assert found.feature_gate.timezone == "UTC"
            assert found.pool.id == pool.id
        assert client.gate.get(made.id).rollout_percentage == 25.0


@pytest.mark.row(25, 59)
def test_a_schema_says_how_wide_a_context_is(client: Client) -> None:
    params = {"context_schema": SCHEMA}
    made = running(client, policy="LinUCBPolicy", policy_params=params)
    assert made.policy_params["dim"] == 6
    with refused("BadRequestError", 400):
        running(client, policy="LinUCBPolicy", policy_params={**params, "dim": 6})
    automatic = running(client, policy="auto", policy_params=params)
    assert automatic.policy_params["dim"] == 6


@pytest.mark.row(26, 62)
def test_what_cannot_be_made_is_refused(client: Client) -> None:
    with refused("NotFoundError", 404):
        client.experiment.create(named("e"), "never-made", policy="BetaTSPolicy")
    with refused("BadRequestError", 400):
        running(client, policy="beta_ts")
    with refused("BadRequestError", 400):
        running(client, policy_params={"alpha_prior": -1})
    with refused("BadRequestError", 400):
        running(client, policy_params={"no_such": 1})


@pytest.mark.row(26, 58)
def test_what_cannot_be_made_has_its_code(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    for change, status, code in (
        ({"pool_id": "never-made"}, 404, "POOL_NOT_FOUND"),
        ({"policy": "beta_ts"}, 400, "INVALID_POLICY_PARAMS"),
        ({"policy_params": {"alpha_prior": 0}}, 400, "INVALID_POLICY_PARAMS"),
    ):
        answer = plain.post("/api/v1/experiments", json={**body, **change})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.row(27, 62)
def test_experiments_are_found_and_paged(connect: Connect, place: Place) -> None:
    client = connect(place.caller())
    pool = pool_of(client)
    names = ["summer sale", "winter sale", "checkout"]
    made = {
        name: client.experiment.create(
            name, pool.id, policy="BetaTSPolicy", enabled=name != "checkout"
        ).id
        for name in names
    }

    def found(**query: Any) -> set[str]:
        return {one.name for one in client.experiment.list(**query)["items"]}

    assert client.experiment.get(made["checkout"]).name == "checkout"
    with refused("NotFoundError", 404):
        client.experiment.get("never-made")
    assert found() == set(names)
    assert found(search="sale") == {"summer sale", "winter sale"}
    assert found(search="nothing like it") == set()
    assert found(enabled=False) == {"checkout"}
    assert found(enabled=True, search="winter") == {"winter sale"}
    page = client.experiment.list(limit=2, offset=1)
    assert (page.limit, page.offset, len(page["items"])) == (2, 1, 2)
    for limit in (1, 2, 3, 100):
        every = client.experiment.iter_all(limit=limit)
        assert sorted(one.name for one in every) == sorted(names)
    paused = client.experiment.iter_all(enabled=False, limit=1)
    assert [one.name for one in paused] == ["checkout"]


@pytest.mark.row(28)
def test_only_what_is_given_changes(client: Client) -> None:
    made = running(client, policy_params={"alpha_prior": 3.0})
    paused = client.experiment.update(made.id, enabled=False)
    assert (paused.enabled, paused.policy_params["alpha_prior"]) == (False, 3.0)
    tuned = client.experiment.update(made.id, policy_params={"beta_prior": 4.0})
    assert tuned.enabled is False
    assert tuned.policy_params["beta_prior"] == 4.0
    # the whole object is replaced
    assert tuned.policy_params.get("alpha_prior", 1.0) == 1.0
    assert client.experiment.update(made.id, enabled=True).enabled is True
    left = client.experiment.update(made.id)
    assert (left.enabled, left.policy_params) == (True, tuned.policy_params)
    with refused("BadRequestError", 400):
        client.experiment.update(made.id, policy_params={"alpha_prior": "much"})
    with refused("NotFoundError", 404):
        client.experiment.update("never-made", enabled=False)


@pytest.mark.row(28)
@only_grpc
def test_no_params_are_no_change_on_grpc(client: Client) -> None:
    made = running(client, policy_params={"alpha_prior": 3.0})
    left = client.experiment.update(made.id, enabled=True, policy_params={})
    assert left.policy_params["alpha_prior"] == 3.0


@pytest.mark.row(29, 63)
@only_http
def test_a_paused_experiment_is_reset(client: Client) -> None:
    made = running(client)
    with refused("ConflictError", 409):
        client.experiment.reset(made.id)
    client.experiment.update(made.id, enabled=False)
    reset = client.experiment.reset(made.id)
    assert (reset.model, reset.id, reset.enabled) == ("Experiment", made.id, False)
    with refused("NotFoundError", 404):
        client.experiment.reset("never-made")


@pytest.mark.row(29)
@only_grpc
def test_a_reset_needs_http(client: Client) -> None:
    with refused("GRPCRouteNotImplementedError", None):
        client.experiment.reset("whichever")


@pytest.mark.row(2, 29)
def test_a_reset_has_no_body(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = plain.post("/api/v1/experiments", json={**body, "enabled": False}).json()
    answer = plain.post(f"/api/v1/experiments/{made['id']}/reset")
    assert answer.request.headers["content-length"] == "0"
    assert answer.is_success
    assert answer.json()["id"] == made["id"]


@pytest.mark.row(30, 62)
def test_a_deleted_experiment_leaves_its_pool(client: Client) -> None:
    made = running(client)
    assert client.experiment.delete(made.id) is None
    assert client.pool.get(made.pool_id).id == made.pool_id
    with refused("NotFoundError", 404):
        client.experiment.get(made.id)
    with refused("NotFoundError", 404):
        client.experiment.delete(made.id)


def learners_of(place: Place, caller: Caller, experiment: str) -> list[str]:
    """Of an auto experiment; the published client does not read them."""
    with place.plain(caller) as plain:
        shown = plain.get(f"/api/v1/experiments/{experiment}").json()
    return list(shown["learner_ids"])


@pytest.mark.row(30, 61)
def test_a_learner_cannot_be_deleted(
    connect: Connect, place: Place, caller: Caller
) -> None:
    client = connect(caller)
    made = running(client, policy="auto")
    learner = learners_of(place, caller, made.id)[0]
    shown = client.experiment.get(learner)
    assert shown.id == learner
    if not client.is_grpc:
        assert shown.meta_experiment_id == made.id
    listed = [one.id for one in client.experiment.list()["items"]]
    assert made.id in listed
    assert learner not in listed
    with refused("ForbiddenError", 403):
        client.experiment.delete(learner)
    with place.plain(caller) as plain:
        answer = plain.delete(f"/api/v1/experiments/{learner}")
    assert answer.status_code == 403
    assert answer.json()["code"] == "LEARNER_EXPERIMENT_DELETE_FORBIDDEN"
