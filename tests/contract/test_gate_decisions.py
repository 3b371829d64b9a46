"""Rows 38 to 41: gates as they decide."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.client import HTTP
from tests.contract.client import Client
from tests.contract.client import model
from tests.contract.client import refused
from tests.contract.conftest import Connect
from tests.contract.conftest import only_grpc
from tests.contract.conftest import only_http
from tests.contract.place import Caller
from tests.contract.test_experiments import running
from tests.contract.test_gates import rule
from tests.system.running import eventually


def evaluate(client: Client, experiment: str, id_: str = "x", **metadata: Any) -> Any:
    return client.gate.evaluate(experiment, context_id=id_, context_metadata=metadata)


@pytest.mark.row(38, 41)
@only_http
def test_a_dry_run_tells_what_select_does(client: Client) -> None:
    made = running(client)
    blue, green = made.pool.arms
    client.gate.create(
        made.id,
        rollout_percentage=50,
        default_arm_id=blue.id,
        rules=[rule(value="free"), rule(value="pro", arm_id=green.id)],
    )
    ids = [f"user-{number}" for number in range(20)]
    told = {id_: evaluate(client, made.id, id_, plan="pro") for id_ in ids}
    inside = [id_ for id_ in ids if told[id_].in_rollout]
    assert 0 < len(inside) < len(ids)
    for id_, found in told.items():
        assert (found.eligible, found.enabled, found.in_schedule) == (False, True, True)
        assert found.rollout_percentage == 50
        if id_ not in inside:
            assert (found.reason, found.arm_id) == ("rollout", blue.id)
            assert found.arm_name == blue.name
            continue
        assert (found.reason, found.arm_id) == ("rule", green.id)
        shown = [(one.matched, one.decisive) for one in found.rules]
        assert shown == [(False, False), (True, True)]

    def agree() -> bool:
        for id_, found in told.items():
            context = {"id": id_, "metadata": {"plan": "pro"}}
            chosen = client.agent.select(made.id, context)
            if (chosen.arm.id, chosen.is_default) != (found.arm_id, True):
                return False
        return True

    eventually(agree)
    bandit = evaluate(client, made.id, inside[0], plan="none of these")
    assert (bandit.eligible, bandit.reason, bandit.arm_id) == (True, "bandit", None)
    blank = client.gate.evaluate(made.id)
    assert blank.reason in {"rollout", "bandit"}
    # nothing of it was stored
    assert client.gate.get(made.id).version == 1


@pytest.mark.row(38)
@only_grpc
def test_a_dry_run_needs_http(client: Client) -> None:
    with refused("GRPCRouteNotImplementedError", None):
        client.gate.evaluate("whichever")


@pytest.mark.row(39)
@only_http
def test_arms_are_known_by_name_and_id(client: Client) -> None:
    made = running(client)
    blue, green = made.pool.arms
    gate = client.gate.create(
        made.id,
        default_arm_id=blue.id,
        rules=[
            model("GateRule", key="a", operator="eq", value=1, arm_name=green.name),
            rule("b", "eq", 1, arm_id=blue.id),
            rule("c", "eq", 1),
        ],
    )
    assert (gate.default_arm_id, gate.default_arm_name) == (blue.id, blue.name)
    known = [(one.arm_id, one.arm_name) for one in gate.rules]
    assert known == [(green.id, green.name), (blue.id, blue.name), (None, None)]
    with refused("BadRequestError", 400):
        client.gate.update(made.id, rules=[rule(arm_name="no such arm")])


@pytest.mark.row(40)
def test_rule_values_keep_their_types(connect: Connect, caller: Caller) -> None:
    """Made over HTTP, which has types; read over the wire of the test."""
    client = connect(caller)
    there = connect(caller, other=HTTP[client.wire.asynchronous])
    made = running(there)
    values = ["123", 123, 1.5, "text", "true", True, ["a", 1], {"k": None}, None]
    rules = [rule(operator="==", value=value) for value in values]
    there.gate.create(made.id, rules=rules)
    found = [one.value for one in client.gate.get(made.id).rules]
    assert found == values
    assert [type(one) for one in found] == [
        type(one) if not isinstance(one, dict) else type(found[7]) for one in values
    ]


@pytest.mark.row(40)
@only_grpc
def test_rule_values_go_round_on_grpc(client: Client) -> None:
    made = running(client)
    values = [5, 2.5, "text", True, ["a", 1]]
    client.gate.create(made.id, rules=[rule(value=value) for value in values])
    found = [one.value for one in client.gate.get(made.id).rules]
    assert found == values


@pytest.mark.row(41)
@only_http
def test_the_first_answer_counts(client: Client) -> None:
    """Enabled, then schedule, then hours, then rollout, then rules."""
    made = running(client)
    blue, green = made.pool.arms
    rules = [rule(arm_id=green.id)]
    past = {
        "schedule_start": "2020-01-01T00:00:00Z",
        "schedule_end": "2020-01-02T00:00Z",
    }
    client.gate.create(
        made.id,
        enabled=False,
        rollout_percentage=0,
        default_arm_id=blue.id,
        rules=rules,
        **past,
    )
    seen = []
    for change in (
        {"enabled": False},
        {"enabled": True},
        {"schedule_end": None},
        {"rollout_percentage": 100},
        {"rules": []},
    ):
        client.gate.update(made.id, **change)
        found = evaluate(client, made.id, plan="pro")
        seen.append((found.reason, found.arm_id, found.eligible))
    assert seen == [
        ("disabled", blue.id, False),
        ("blackout", blue.id, False),
        ("rollout", blue.id, False),
        ("rule", green.id, False),
        ("bandit", None, True),
    ]
