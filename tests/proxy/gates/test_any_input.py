"""Whatever is sent as a gate or as metadata is answered, and never with a failure."""

from __future__ import annotations

import json
from typing import Any
from typing import get_args

import httpx
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.gates.operators import Operator
from qbrixproto import proxy_pb2 as proxy

Json = dict[str, Any]

NAMES = st.sampled_from(["plan", "age", "tags", "", "ü"])
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
ARMS = st.sampled_from(["red", "green", None])
RULES = st.fixed_dictionaries(
    {"key": st.text(min_size=1), "operator": st.sampled_from(get_args(Operator))},
    optional={"value": ANYTHING, "arm_name": ARMS},
)
CLOCKS = st.times().map(lambda time: f"{time:%H:%M}") | st.none()
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "rollout_percentage": st.floats(0, 100) | st.integers(0, 100),
    "default_arm_name": ARMS,
    "schedule_start": st.datetimes().map(str) | st.none(),
    "schedule_end": st.datetimes().map(str) | st.none(),
    "active_hours_start": CLOCKS,
    "active_hours_end": CLOCKS,
    "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    "rules": st.lists(RULES, max_size=4),
}
# mostly such as are taken, and such as hardly ever are
CONFIGS = st.fixed_dictionaries({}, optional=FIELDS) | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(FIELDS, ANYTHING)
)
METADATA = st.dictionaries(NAMES, ANYTHING, max_size=4)
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FEW
@given(config=CONFIGS, metadata=METADATA, context_id=st.text(max_size=5))
async def test_over_rest(
    client: httpx.AsyncClient,
    experiment: Json,
    config: Json,
    metadata: Json,
    context_id: str,
) -> None:
    url = f"/api/v1/gates/{experiment['id']}"
    made = await client.post(url, content=json.dumps(config))
    assert made.status_code in (201, 400, 409, 422), made.text
    changed = await client.patch(url, content=json.dumps(config))
    assert changed.status_code in (200, 400, 404, 422), changed.text
    if made.status_code == 201:
        # what could be made can be made again, and reads as it was written
        assert changed.status_code == 200, changed.text
        shown = (await client.get(url)).json()
        for name in set(config) & {"enabled", "timezone"}:
            assert shown[name] == config[name]
        values = [rule.get("value") for rule in config.get("rules", [])]
        assert [rule["value"] for rule in shown["rules"]] == values
        tried = await client.post(
            f"{url}/evaluate",
            content=json.dumps(
                {"context_id": context_id, "context_metadata": metadata}
            ),
        )
        assert tried.status_code == 200, tried.text
        assert (await client.delete(url)).status_code == 200


@FEW
@given(
    enabled=st.booleans(),
    percentage=st.floats(),
    texts=st.lists(st.text(max_size=5), min_size=8, max_size=8),
    moments=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2),
    mask=st.lists(st.sampled_from([*FIELDS, "default_arm_id", "x", ""]), max_size=4),
)
async def test_over_grpc(
    worker: Worker,
    admin: Person,
    experiment: Json,
    enabled: bool,
    percentage: float,
    texts: list[str],
    moments: list[int],
    mask: list[str],
) -> None:
    config = proxy.FeatureGateConfig(
        enabled=enabled,
        rollout_percentage=percentage,
        default_arm_id=texts[0],
        schedule=proxy.ScheduleConfig(
            start_timestamp_ms=moments[0], end_timestamp_ms=moments[1]
        ),
        active_hours=proxy.ActiveHoursConfig(start=texts[1], end=texts[2]),
        timezone=texts[3],
        rules=[
            proxy.RuleConfig(
                key=texts[4], operator=texts[5], value=texts[6], arm_id=texts[7]
            )
        ],
    )
    id_ = experiment["id"]
    async with calls_to(worker, admin.key) as calls:
        for call in (
            calls.CreateGateConfig(
                proxy.CreateGateConfigRequest(experiment_id=id_, config=config)
            ),
            calls.UpdateGateConfig(
                proxy.UpdateGateConfigRequest(
                    experiment_id=id_, config=config, update_mask=mask
                )
            ),
        ):
            code, details = await refused(call)
            assert code.name in {"INVALID_ARGUMENT", "NOT_FOUND"}, details
