"""Gates over REST, as the published clients read and write them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.proxy.gates.samples import FIELDS
from tests.proxy.gates.samples import full

NOTHING = "0" * 32
Json = dict[str, Any]


async def test_an_empty_gate_has_defaults(
    client: httpx.AsyncClient, experiment: Json, url: str
) -> None:
    answer = await client.post(url, json={})
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == FIELDS
    assert made["experiment_id"] == experiment["id"]
    assert (made["enabled"], made["rollout_percentage"]) == (True, 100.0)
    assert (made["timezone"], made["rules"], made["version"]) == ("UTC", [], 1)
    for name in FIELDS:
        if name.startswith(("default", "schedule", "active")):
            assert made[name] is None
    assert isinstance(made["updated_at"], str)
    assert (await client.get(url)).json() == made
    shown = await client.get(f"/api/v1/experiments/{experiment['id']}")
    assert shown.json()["feature_gate"] == made


async def test_a_full_gate_comes_back(
    client: httpx.AsyncClient, url: str, red: str
) -> None:
    made = (await client.post(url, json=full(red))).json()
    assert made["default_arm_name"] == "red"
    assert made["schedule_start"] in (
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+00:00",
    )
    assert made["schedule_end"][:19] == "2030-01-01T00:00:00"
    for name in ("rollout_percentage", "active_hours_start", "timezone"):
        assert made[name] == full(red)[name]
    assert made["rules"] == [
        {
            "key": "plan",
            "operator": "in",
            "value": ["pro", None, 1.5],
            "arm_id": None,
            "arm_name": None,
        }
    ]
    # what a client read, it may write as it is
    again = await client.put(url, json=made)
    assert again.status_code == 200
    changed = {"updated_at", "version"}
    assert {k: v for k, v in again.json().items() if k not in changed} == {
        k: v for k, v in made.items() if k not in changed
    }
    assert again.json()["version"] == 2


async def test_arms_are_known_by_id_and_by_name(
    client: httpx.AsyncClient, url: str, red: str, green: str
) -> None:
    rule = {"key": "a", "operator": "==", "value": 1}
    given = [
        {**rule, "arm_id": red},
        {**rule, "arm_name": "green"},
        {**rule, "arm_id": green, "arm_name": "green"},
        {**rule, "arm_id": None, "arm_name": None},
    ]
    made = await client.post(url, json={"default_arm_name": "green", "rules": given})
    shown = made.json()
    assert (shown["default_arm_id"], shown["default_arm_name"]) == (green, "green")
    assert [(r["arm_id"], r["arm_name"]) for r in shown["rules"]] == [
        (red, "red"),
        (green, "green"),
        (green, "green"),
        (None, None),
    ]
    for wrong in (
        {"arm_id": NOTHING},
        {"arm_id": ""},
        {"arm_name": "blue"},
        {"arm_id": red, "arm_name": "green"},
    ):
        refused = await client.put(url, json={"rules": [{**rule, **wrong}]})
        assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")
        assert "rules[0].arm" in refused.json()["detail"]
    assert (await client.get(url)).json() == shown


@pytest.mark.parametrize(
    "operator",
    "equals == eq not_equals != ne greater_than > gt less_than < lt "
    "greater_or_equal >= gte less_or_equal <= lte contains not_contains in "
    "not_in".split(),
)
async def test_operators_keep_their_spelling(
    client: httpx.AsyncClient, url: str, operator: str
) -> None:
    rule = {"key": "a", "operator": operator, "value": "x"}
    made = await client.post(url, json={"rules": [rule]})
    assert made.json()["rules"][0]["operator"] == operator


async def test_operators_of_other_tools_are_translated(
    client: httpx.AsyncClient, url: str
) -> None:
    rules = [{"key": "a", "operator": name, "value": []} for name in ("neq", "nin")]
    made = await client.post(url, json={"rules": rules})
    assert [rule["operator"] for rule in made.json()["rules"]] == ["!=", "not_in"]


RULE = {"key": "a", "operator": "==", "value": 1}
TYPES: list[tuple[Json, list[object]]] = [
    ({"rollout_percentage": 100.5}, ["body", "rollout_percentage"]),
    ({"rollout_percentage": -1}, ["body", "rollout_percentage"]),
    ({"rollout_percentage": None}, ["body", "rollout_percentage"]),
    ({"enabled": "yes"}, ["body", "enabled"]),
    ({"enabled": None}, ["body", "enabled"]),
    ({"active_hours_start": "24:00"}, ["body", "active_hours_start"]),
    ({"active_hours_end": "9:00"}, ["body", "active_hours_end"]),
    ({"active_hours_end": "09:00\n"}, ["body", "active_hours_end"]),
    ({"schedule_start": 5}, ["body", "schedule_start"]),
    ({"schedule_start": "tomorrow"}, ["body"]),
    ({"schedule_end": "0001-01-01T00:00:00+10:00"}, ["body"]),
    ({"schedule_end": "0001-01-01T00:00:00Z"}, ["body"]),
    ({"schedule_start": "9999-12-31T23:59:59.999999"}, ["body"]),
    ({"timezone": "Mars/Olympus"}, ["body"]),
    ({"timezone": ""}, ["body"]),
    ({"rules": [{**RULE, "operator": "like"}]}, ["body", "rules", 0, "operator"]),
    ({"rules": [{**RULE, "key": ""}]}, ["body", "rules", 0, "key"]),
    ({"rules": [RULE, {"operator": "=="}]}, ["body", "rules", 1, "key"]),
    ({"rules": [RULE] * 201}, ["body", "rules"]),
    ({"rules": {}}, ["body", "rules"]),
]


@pytest.mark.parametrize(("wrong", "place"), TYPES)
async def test_what_does_not_decode_is_unprocessable(
    client: httpx.AsyncClient, url: str, wrong: Json, place: list[object]
) -> None:
    answers = [await client.post(url, json=wrong)]
    assert (await client.post(url, json={})).status_code == 201
    answers.append(await client.put(url, json=wrong))
    answers.append(await client.patch(url, json=wrong))
    for answer in answers:
        assert answer.status_code == 422, answer.text
        (problem,) = answer.json()["detail"]
        assert problem["loc"] == place
        assert problem["msg"]
    assert (await client.get(url)).json()["version"] == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"default_arm_id": NOTHING}, "default_arm_id 000"),
        ({"default_arm_name": "blue"}, "default_arm_name blue"),
        (
            {"schedule_start": "2026-02-01", "schedule_end": "2026-01-01"},
            "before schedule_start",
        ),
        ({"rules": [{**RULE, "key": "a\x00"}]}, "rules[0].key"),
        ({"rules": [{**RULE, "value": ["\x00"]}]}, "rules[0].value"),
        ({"rules": [{**RULE, "value": {"n": 2**64}}]}, "rules[0].value"),
        ({"rules": [{**RULE, "value": -1e300}]}, "rules[0].value"),
        ({"rules": [{**RULE, "value": "x" * 70_000}]}, "larger than 65536 bytes"),
    ],
)
async def test_what_cannot_be_is_refused(
    client: httpx.AsyncClient, url: str, wrong: Json, said: str
) -> None:
    refused = await client.post(url, json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")
    assert said in refused.json()["detail"]
    assert (await client.get(url)).status_code == 404
