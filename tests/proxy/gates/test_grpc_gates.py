"""Gates over gRPC, as the published client reads and writes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person

from proxysvc.app import Worker
from qbrixproto import proxy_pb2 as proxy

START_MS = 1_767_225_600_000
Json = dict[str, Any]


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


@pytest.fixture
async def experiment(client: httpx.AsyncClient, pool: Json) -> str:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made = (await client.post("/api/v1/experiments", json=body)).json()
    return str(made["id"])


def full(arm: str) -> proxy.FeatureGateConfig:
    return proxy.FeatureGateConfig(
        enabled=True,
        rollout_percentage=12.5,
        default_arm_id=arm,
        schedule=proxy.ScheduleConfig(
            start_timestamp_ms=START_MS, end_timestamp_ms=START_MS + 1
        ),
        active_hours=proxy.ActiveHoursConfig(start="09:00", end="17:00"),
        timezone="Europe/Berlin",
        rules=[proxy.RuleConfig(key="a", operator="==", value="x", arm_id=arm)],
    )


def given(**fields: Any) -> proxy.FeatureGateConfig:
    """As the client sends what it was not told: with its own defaults."""
    defaults = {"enabled": True, "rollout_percentage": 100.0, "timezone": "UTC"}
    return proxy.FeatureGateConfig(**{**defaults, **fields})


async def create(
    calls: Calls, experiment: str, config: proxy.FeatureGateConfig
) -> proxy.FeatureGateConfig:
    request = proxy.CreateGateConfigRequest(experiment_id=experiment, config=config)
    made: proxy.FeatureGateConfig = (await calls.CreateGateConfig(request)).config
    return made


async def update(
    calls: Calls, experiment: str, config: proxy.FeatureGateConfig, *mask: str
) -> proxy.FeatureGateConfig:
    request = proxy.UpdateGateConfigRequest(
        experiment_id=experiment, config=config, update_mask=mask
    )
    made: proxy.FeatureGateConfig = (await calls.UpdateGateConfig(request)).config
    return made


async def test_a_gate_comes_back_and_shows_in_its_experiment(
    calls: Calls, client: httpx.AsyncClient, experiment: str, pool: Json
) -> None:
    arm = pool["arms"][1]["id"]
    made = await create(calls, experiment, full(arm))
    expected = full(arm)
    expected.rules[0].value = '"x"'
    assert made == expected
    read = proxy.GetGateConfigRequest(experiment_id=experiment)
    assert (await calls.GetGateConfig(read)).config == expected
    one = proxy.GetExperimentRequest(experiment_id=experiment)
    pause = proxy.UpdateExperimentRequest(experiment_id=experiment, enabled=False)
    of_pool = proxy.ListPoolExperimentsRequest(pool_id=pool["id"])
    for answer in (
        await calls.GetExperiment(one),
        await calls.UpdateExperiment(pause),
        *(await calls.ListExperiments(proxy.ListExperimentsRequest())).items,
        *(await calls.ListPoolExperiments(of_pool)).items,
    ):
        assert answer.feature_gate == expected
    over_rest = (await client.get(f"/api/v1/gates/{experiment}")).json()
    assert over_rest["default_arm_name"] == "green"
    assert over_rest["schedule_start"][:19] == "2026-01-01T00:00:00"
    assert over_rest["rules"][0]["value"] == "x"


async def test_a_gate_may_come_with_its_experiment(calls: Calls, pool: Json) -> None:
    arm = pool["arms"][0]["id"]
    request = proxy.CreateExperimentRequest(
        name="g",
        pool_id=pool["id"],
        policy="BetaTSPolicy",
        enabled=True,
        feature_gate=given(default_arm_id=arm),
    )
    made = await calls.CreateExperiment(request)
    assert made.feature_gate == given(default_arm_id=arm)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("pro", "pro"),
        ("5", 5),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ('["DE", 1]', ["DE", 1]),
        ('{"a": 1}', {"a": 1}),
        ('"5"', "5"),
        ("", ""),
        ("not json]", "not json]"),
    ],
)
async def test_values_of_rules_are_json_texts(
    calls: Calls, client: httpx.AsyncClient, experiment: str, sent: str, meant: object
) -> None:
    rule = proxy.RuleConfig(key="a", operator="==", value=sent)
    made = await create(calls, experiment, given(rules=[rule]))
    assert json.loads(made.rules[0].value) == meant
    over_rest = (await client.get(f"/api/v1/gates/{experiment}")).json()
    value = over_rest["rules"][0]["value"]
    assert (value, type(value)) == (meant, type(meant))


async def test_only_what_the_mask_names_is_changed(
    calls: Calls, client: httpx.AsyncClient, experiment: str, pool: Json
) -> None:
    red, green = (arm["id"] for arm in pool["arms"])
    before = await create(calls, experiment, full(red))

    async def changed(mask: str, **fields: Any) -> None:
        after = await update(calls, experiment, given(**fields), mask)
        expected = proxy.FeatureGateConfig()
        expected.CopyFrom(before)
        group, _, part = mask.rpartition("_")
        if group in ("schedule", "active_hours"):
            part = f"{part}_timestamp_ms" if group == "schedule" else part
            getattr(expected, group).ClearField(part)
        else:
            expected.ClearField(mask)
            expected.MergeFrom(proxy.FeatureGateConfig(**fields))
        for name in ("schedule", "active_hours"):
            if not getattr(expected, name).ByteSize():
                expected.ClearField(name)
        assert after == expected, mask
        before.CopyFrom(after)

    await changed("rollout_percentage", rollout_percentage=50.0)
    await changed("enabled", enabled=False)
    await changed("default_arm_id", default_arm_id=green)
    await changed("default_arm_id", default_arm_id="")
    for mask in (
        "schedule_start",
        "schedule_end",
        "active_hours_start",
        "active_hours_end",
    ):
        await changed(mask)
    await changed("timezone", timezone="UTC")
    await changed("rules")
    shown = (await client.get(f"/api/v1/gates/{experiment}")).json()
    assert (shown["version"], shown["rules"]) == (11, [])
    several = given(enabled=True, rollout_percentage=7.0)
    after = await update(calls, experiment, several, "enabled", "rollout_percentage")
    assert (after.enabled, after.rollout_percentage) == (True, 7.0)


async def test_an_empty_zone_is_utc_and_zero_is_no_moment(
    calls: Calls, experiment: str
) -> None:
    schedule = proxy.ScheduleConfig(start_timestamp_ms=0)
    made = await create(calls, experiment, given(timezone="", schedule=schedule))
    assert made == given()
    await update(calls, experiment, given(timezone="Asia/Tokyo"), "timezone")
    cleared = await update(calls, experiment, given(timezone=""), "timezone")
    assert cleared.timezone == "UTC"


async def test_no_mask_replaces_the_whole(
    calls: Calls, experiment: str, pool: Json
) -> None:
    await create(calls, experiment, full(pool["arms"][0]["id"]))
    assert await update(calls, experiment, given(enabled=False)) == given(enabled=False)


async def test_what_a_mask_leaves_out_may_be_anything(
    calls: Calls, experiment: str
) -> None:
    await create(calls, experiment, given())
    junk = given(
        rollout_percentage=900.0,
        timezone="Mars/Olympus",
        schedule=proxy.ScheduleConfig(start_timestamp_ms=2**62),
        rules=[proxy.RuleConfig()],
        default_arm_id="nowhere",
        enabled=False,
    )
    assert await update(calls, experiment, junk, "enabled") == given(enabled=False)


async def test_refusals_have_their_status(calls: Calls, experiment: str) -> None:
    read = proxy.GetGateConfigRequest(experiment_id=experiment)
    remove = proxy.DeleteGateConfigRequest(experiment_id=experiment)
    for missing in (
        calls.GetGateConfig(read),
        calls.DeleteGateConfig(remove),
        update(calls, experiment, given()),
        update(calls, experiment, given(), "enabled"),
        create(calls, "0" * 32, given()),
        create(calls, "x", given()),
    ):
        assert (await refused(missing))[0].name == "NOT_FOUND"
    blank = proxy.CreateGateConfigRequest(experiment_id=experiment)
    wrong: list[Json] = [
        {"rollout_percentage": 100.1},
        {"rollout_percentage": -0.1},
        {"rollout_percentage": float("nan")},
        {"timezone": "Mars/Olympus"},
        {"default_arm_id": "nowhere"},
        {"active_hours": proxy.ActiveHoursConfig(start="25:00")},
        {"schedule": proxy.ScheduleConfig(start_timestamp_ms=2**62)},
        {"schedule": proxy.ScheduleConfig(end_timestamp_ms=-(2**63))},
        {"rules": [proxy.RuleConfig(key="", operator="==", value="1")]},
        {"rules": [proxy.RuleConfig(key="a", operator="like", value="1")]},
        {"rules": [proxy.RuleConfig(key="a", operator="==", value="1" * 400)]},
        {"rules": [proxy.RuleConfig(key="a", operator="==", arm_id="nowhere")]},
    ]
    for call in (
        calls.CreateGateConfig(blank),
        *(create(calls, experiment, given(**fields)) for fields in wrong),
    ):
        code, details = await refused(call)
        assert code.name == "INVALID_ARGUMENT", details
        assert details
    await create(calls, experiment, given())
    again = create(calls, experiment, given())
    assert (await refused(again))[0].name == "ALREADY_EXISTS"
    for mask in ("version", "schedule", "default_arm_name", ""):
        code, details = await refused(update(calls, experiment, given(), mask))
        assert code.name == "INVALID_ARGUMENT"
        assert "update_mask" in details
    through = proxy.UpdateExperimentRequest(
        experiment_id=experiment, feature_gate=given()
    )
    assert (await refused(calls.UpdateExperiment(through)))[0].name == (
        "INVALID_ARGUMENT"
    )
    assert (await calls.DeleteGateConfig(remove)).deleted
    assert (await refused(calls.GetGateConfig(read)))[0].name == "NOT_FOUND"
