"""Rows 31 to 37: gates as they are kept."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.contract.client import Client
from tests.contract.client import refused
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import arms
from tests.contract.place import named
from tests.contract.test_experiments import running
from tests.system.running import eventually

# in the spellings of the published schema, and two more that its tools suggest
OPERATORS = (
    *("equals", "==", "eq", "not_equals", "!=", "ne"),
    *("greater_than", ">", "gt", "less_than", "<", "lt"),
    *("greater_or_equal", ">=", "gte", "less_or_equal", "<=", "lte"),
    *("contains", "not_contains", "in", "not_in"),
)
SUGGESTED = ("neq", "nin")


def rule(
    key: str = "plan", operator: str = "==", value: Any = "pro", **arm: str
) -> Any:
    return {"key": key, "operator": operator, "value": value, **arm}


@pytest.mark.row(31)
def test_a_gate_is_one_flat_object(client: Client) -> None:
    made = running(client)
    given = {
        "enabled": True,
        "rollout_percentage": 12.5,
        "default_arm_id": made.pool.arms[0].id,
        "schedule_start": "2026-01-01T00:00:00+00:00",
        "schedule_end": "2027-01-01T00:00:00+00:00",
        "active_hours_start": "22:00",
        "active_hours_end": "06:00",
        "timezone": "Europe/Istanbul",
        "rules": [rule(arm_id=made.pool.arms[1].id)],
    }
    gate = client.gate.create(made.id, **given)
    for found in (gate, client.gate.get(made.id)):
        assert found.model == "GateConfig"
        assert found.experiment_id == made.id
        for name, value in given.items():
            if name.startswith("schedule"):
                assert found[name].replace("Z", "+00:00") == value
            elif name == "rules":
                (only,) = found.rules
                assert {key: only[key] for key in value[0]} == value[0]
            else:
                assert found[name] == value
    with refused("ConflictError", 409):
        client.gate.create(made.id)
    with refused("NotFoundError", 404):
        client.gate.create("never-made")


@pytest.mark.row(31)
def test_what_is_not_set_is_not_null(plain: httpx.Client) -> None:
    pool = plain.post("/api/v1/pools", json={"name": named("p"), "arms": arms()}).json()
    body = {"name": named("e"), "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = plain.post("/api/v1/experiments", json=body).json()
    answer = plain.post(f"/api/v1/gates/{made['id']}", json={})
    assert answer.status_code == 201
    gate = answer.json()
    assert gate["experiment_id"] == made["id"]
    assert (gate["rules"], gate["timezone"], gate["version"]) == ([], "UTC", 1)
    assert (gate["enabled"], gate["rollout_percentage"]) == (True, 100)
    assert gate["default_arm_id"] is None


@pytest.mark.row(32)
def test_every_spelling_of_an_operator_is_taken(client: Client) -> None:
    made = running(client)
    rules = [rule(operator=operator) for operator in (*OPERATORS, *SUGGESTED)]
    assert len(OPERATORS) == 22
    gate = client.gate.create(made.id, rules=rules)
    assert len(gate.rules) == 24
    for wrong in (rule(operator="like"), rule(key="")):
        with refused(*invalid(client)):
            client.gate.update(made.id, rules=[wrong])
    for percentage in (-1, 100.5):
        with refused(*invalid(client)):
            client.gate.update(made.id, rollout_percentage=percentage)
        with refused(*invalid(client)):
            client.gate.create(running(client).id, rollout_percentage=percentage)


def invalid(client: Client) -> tuple[str, int]:
    if client.is_grpc:
        return "BadRequestError", 400
    return "UnprocessableEntityError", 422


@pytest.mark.row(33, 37, 62)
def test_where_there_is_no_gate(client: Client, plain: httpx.Client) -> None:
    made = running(client)
    for call in (
        lambda: client.gate.get(made.id),
        lambda: client.gate.update(made.id, enabled=False),
        lambda: client.gate.delete(made.id),
    ):
        with refused("NotFoundError", 404):
            call()
    answer = plain.get(f"/api/v1/gates/{made.id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "GATE_NOT_FOUND")


@pytest.mark.row(34)
@only_http
def test_only_what_is_present_changes(client: Client) -> None:
    made = running(client)
    first = client.gate.create(
        made.id,
        rollout_percentage=20,
        default_arm_id=made.pool.arms[0].id,
        schedule_start="2026-01-01T00:00:00Z",
        active_hours_start="08:00",
        active_hours_end="20:00",
        timezone="Europe/Berlin",
        rules=[rule()],
    )
    second = client.gate.update(made.id, rollout_percentage=50)
    assert second.version > first.version
    assert second.rollout_percentage == 50
    for name in ("default_arm_id", "schedule_start", "timezone", "rules", "enabled"):
        assert second[name] == first[name]
    cleared = client.gate.update(
        made.id,
        default_arm_id=None,
        schedule_start=None,
        active_hours_start=None,
        active_hours_end=None,
        rules=[],
    )
    assert cleared.version > second.version
    assert cleared.rollout_percentage == 50
    assert (cleared.default_arm_id, cleared.schedule_start) == (None, None)
    assert (cleared.active_hours_start, cleared.rules) == (None, [])
    assert cleared.timezone == "Europe/Berlin"


@pytest.mark.row(35)
@only_grpc
def test_a_mask_names_what_changes(client: Client) -> None:
    """The client masks what it was given; what is masked and empty is cleared."""
    made = running(client)
    first = client.gate.create(
        made.id,
        enabled=False,
        rollout_percentage=20,
        default_arm_id=made.pool.arms[0].id,
        schedule_start="2026-01-01T00:00:00+00:00",
        timezone="Europe/Berlin",
        rules=[rule()],
    )
    second = client.gate.update(made.id, rollout_percentage=50)
    assert (second.rollout_percentage, second.enabled) == (50, False)
    for name in ("default_arm_id", "schedule_start", "timezone", "rules"):
        assert second[name] == first[name]
    cleared = client.gate.update(
        made.id, default_arm_id=None, schedule_start=None, timezone="", rules=[]
    )
    assert (cleared.default_arm_id, cleared.schedule_start) == (None, None)
    assert (cleared.timezone, cleared.rules) == ("UTC", [])
    assert (cleared.rollout_percentage, cleared.enabled) == (50, False)


@pytest.mark.row(35)
@only_grpc
def test_no_mask_replaces_the_gate(client: Client) -> None:
    made = running(client)
    client.gate.create(made.id, rollout_percentage=20, rules=[rule()])
    body = {"enabled": True, "rollout_percentage": 70.0, "timezone": "UTC", "rules": []}
    client.call("put", f"/api/v1/gates/{made.id}", body=body)
    found = client.gate.get(made.id)
    assert (found.rollout_percentage, found.rules) == (70.0, [])


@pytest.mark.row(36)
@only_http
def test_put_replaces_the_gate(client: Client) -> None:
    made = running(client)
    default = made.pool.arms[0].id
    client.gate.create(made.id, default_arm_id=default, rules=[rule()])
    client.call("put", f"/api/v1/gates/{made.id}", body={"rollout_percentage": 70})
    found = client.gate.get(made.id)
    assert (found.rollout_percentage, found.default_arm_id) == (70.0, None)
    assert found.rules == []
    assert found.version == 2


@pytest.mark.row(37)
def test_without_its_gate_the_bandit_decides(client: Client) -> None:
    made = running(client)
    client.gate.create(made.id, enabled=False, default_arm_id=made.pool.arms[1].id)

    def gated() -> bool:
        return bool(client.agent.select(made.id, {"id": "x"}).is_default)

    eventually(gated)
    assert client.gate.delete(made.id) is None
    eventually(lambda: not gated())
    with refused("NotFoundError", 404):
        client.gate.delete(made.id)
