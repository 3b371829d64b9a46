"""What the insight routes tell of what was done over REST."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.insight.rolling import Roller
from proxysvc.settings import ProxySettings
from qbrixstore.cells import Cell
from qbrixstore.cells import Group
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.counts import hour_of

HOUR_MS = 3_600_000
OVERVIEW = {
    "experiment_id": str,
    "total_selections": int,
    "default_selections": int,
    "total_feedback": int,
    "unique_contexts": int,
    "avg_reward": float | None,
    "min_reward": float | None,
    "max_reward": float | None,
    "first_selection_ms": int | None,
    "last_selection_ms": int | None,
    "generation": int,
    "param_version": int,
    "learned_feedback": int,
    "waiting_feedback": int,
}
ARM = {
    "arm_index": int,
    "arm_name": str,
    "selections": int,
    "default_selections": int,
    "feedback_count": int,
    "avg_reward": float | None,
    "pulls": int,
}


@pytest.fixture
async def settings(beside: ProxySettings) -> ProxySettings:
    return beside


class Insight:
    """The two routes, as one caller sees them."""

    def __init__(self, client: httpx.AsyncClient, experiment: str) -> None:
        self._client = client
        self._path = f"/api/v1/insight/experiment/{experiment}"

    async def overview(self, **query: int) -> dict[str, Any]:
        return await self._told("", OVERVIEW, query)

    async def arms(self, **query: int) -> list[dict[str, Any]]:
        answer = await self._client.get(f"{self._path}/arms", params=query)
        assert answer.status_code == 200, answer.text
        told: list[dict[str, Any]] = answer.json()["arms"]
        for arm in told:
            _check(arm, ARM)
        return told

    async def counted(self, selections: int, feedback: int) -> dict[str, Any]:
        """The overview, as soon as so much was counted."""
        told: dict[str, Any] = {}

        async def holds() -> bool:
            told.update(await self.overview())
            return (told["total_selections"], told["total_feedback"]) == (
                selections,
                feedback,
            )

        await eventually(holds)
        return told

    async def _told(
        self, path: str, shape: dict[str, Any], query: dict[str, int]
    ) -> dict[str, Any]:
        answer = await self._client.get(f"{self._path}{path}", params=query)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        _check(told, shape)
        return told


def _check(told: dict[str, Any], shape: dict[str, Any]) -> None:
    assert set(told) == set(shape)
    for name, kind in shape.items():
        assert isinstance(told[name], kind), name


@pytest.fixture
def insight(rest: Rest, plain: dict[str, Any]) -> Insight:
    return Insight(rest.client, plain["id"])


async def test_an_experiment_that_nothing_happened_in(insight: Insight) -> None:
    told = await insight.overview()
    assert {name for name, value in told.items() if value is None} == {
        "avg_reward",
        "min_reward",
        "max_reward",
        "first_selection_ms",
        "last_selection_ms",
    }
    assert {arm["arm_name"] for arm in await insight.arms()} == {
        "arm-0",
        "arm-1",
        "arm-2",
    }


async def test_selections_and_feedback_are_counted(
    rest: Rest, plain: dict[str, Any], insight: Insight
) -> None:
    before = time.time_ns() // 1_000_000
    chosen: dict[int, int] = {}
    rewards: dict[int, list[float]] = {}
    for number in range(12):
        answer = (await rest.select(plain, id=f"somebody {number % 5}")).json()
        index = answer["arm"]["index"]
        chosen[index] = chosen.get(index, 0) + 1
        if number < 8:
            reward = [0.0, 1.0, 0.5, 0.25][number % 4]
            given = await rest.feedback(answer["request_id"], reward)
            assert given.status_code == 201
            # again: accepted, and not counted again
            assert (await rest.feedback(answer["request_id"], 1.0)).status_code == 201
            rewards.setdefault(index, []).append(reward)
    told = await insight.counted(12, 8)
    assert told["default_selections"] == 0
    assert told["unique_contexts"] == 5
    assert told["avg_reward"] == pytest.approx(0.4375)
    assert (told["min_reward"], told["max_reward"]) == (0.0, 1.0)
    assert before <= told["first_selection_ms"] <= told["last_selection_ms"]
    assert told["last_selection_ms"] <= time.time_ns() // 1_000_000
    assert (told["generation"], told["param_version"]) == (0, 0)
    # nobody learns here: it waits, with whatever else is in the log
    assert told["learned_feedback"] == 0
    assert told["waiting_feedback"] >= 8
    for arm in await insight.arms():
        index = arm["arm_index"]
        assert arm["selections"] == chosen.get(index, 0)
        assert arm["feedback_count"] == len(rewards.get(index, []))
        if index in rewards:
            mean = sum(rewards[index]) / len(rewards[index])
            assert arm["avg_reward"] == pytest.approx(mean)


async def test_selections_while_paused_are_defaults(rest: Rest) -> None:
    paused = await rest.experiment("BetaTSPolicy", enabled=False)
    insight = Insight(rest.client, paused["id"])
    for _ in range(3):
        assert (await rest.select(paused)).json()["is_default"] is True
    told = await insight.counted(3, 0)
    assert told["default_selections"] == 3
    assert [arm["default_selections"] for arm in await insight.arms()] == [3, 0, 0]


async def test_what_a_gate_forces_is_counted_as_such(
    rest: Rest, plain: dict[str, Any], insight: Insight
) -> None:
    gate = {"enabled": False, "default_arm_id": plain["pool"]["arms"][1]["id"]}
    made = await rest.client.post(f"/api/v1/gates/{plain['id']}", json=gate)
    assert made.status_code == 201, made.text

    async def forced() -> bool:
        answer = (await rest.select(plain)).json()
        return bool(answer["is_default"])

    await eventually(forced)
    before = (await insight.overview())["total_selections"]
    answer = (await rest.select(plain)).json()
    assert answer["arm"]["index"] == 1
    for _ in range(2):
        assert (await rest.feedback(answer["request_id"], 1)).status_code == 201
    assert before <= 2

    async def counted() -> bool:
        told = await insight.overview()
        return (told["total_feedback"], told["default_selections"] >= 2) == (1, True)

    await eventually(counted)
    assert (await insight.overview())["waiting_feedback"] >= 0
    assert (await insight.arms())[1]["feedback_count"] == 1


async def test_hours_are_told_apart(
    rest: Rest,
    redis: RedisClient,
    counts: Counts,
    engine: AsyncEngine,
    admin: Person,
    plain: dict[str, Any],
    insight: Insight,
) -> None:
    now = hour_of(time.time_ns() // 1_000_000)
    for number, ago in enumerate((0, 1, 30, 60)):
        cell = Cell(10**number, 0, 0, first_ms=(now - ago) * HOUR_MS)
        ids = [f"{number} {who}" for who in range(10)]
        group = Group(admin.tenant_id, plain["id"], now - ago, {0: cell}, ids)
        await counts.add(Batch("hours", number + 1, [group]))
        if number % 2:
            await Roller(engine, counts).roll_up()

    async def total(**query: int) -> int:
        [first, *_] = await insight.arms(**query)
        told = await insight.overview(**query)
        assert first["selections"] == told["total_selections"]
        return int(first["selections"])

    def moment(ago: float) -> int:
        return int((now - ago) * HOUR_MS)

    assert await total() == 1_111
    assert await total(start_ms=moment(0)) == 1
    assert await total(start_ms=moment(0.5)) == 11
    assert await total(end_ms=moment(0) - 1) == 1_110
    assert await total(start_ms=moment(30), end_ms=moment(30)) == 100
    assert await total(start_ms=moment(60), end_ms=moment(29)) == 1_100
    assert await total(start_ms=moment(29), end_ms=moment(2)) == 0
    assert await total(start_ms=0, end_ms=2**53) == 1_111
    assert (await insight.overview())["unique_contexts"] == 40
    lately = await insight.overview(start_ms=moment(60), end_ms=moment(54))
    assert lately["unique_contexts"] == 10


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start_ms=-1", 422),
        ("end_ms=9007199254740993", 422),
        ("start_ms=yesterday", 422),
        ("start_ms=2&end_ms=1", 400),
    ],
)
async def test_times_that_are_none(
    rest: Rest, plain: dict[str, Any], query: str, status: int
) -> None:
    for path in ("", "/arms"):
        url = f"/api/v1/insight/experiment/{plain['id']}{path}?{query}"
        assert (await rest.client.get(url)).status_code == status


async def test_others_see_nothing(
    worker: Worker, engine: AsyncEngine, admin: Person, plain: dict[str, Any]
) -> None:
    stranger = await add_person(engine)
    limited = await add_person(engine, "admin", ["pool:read"], admin.tenant_id)
    viewer = await add_person(engine, "viewer", None, admin.tenant_id)
    path = f"/api/v1/insight/experiment/{plain['id']}"
    for person, status, code in (
        (stranger, 404, "EXPERIMENT_NOT_FOUND"),
        (limited, 403, "INSUFFICIENT_SCOPES"),
        (viewer, 200, None),
    ):
        async with client_of(worker, person.headers) as client:
            for url in (path, f"{path}/arms"):
                answer = await client.get(url)
                assert (answer.status_code, answer.json().get("code")) == (status, code)
    async with client_of(worker) as client:
        assert (await client.get(path)).status_code == 401


async def test_what_was_deleted_is_not_found(
    rest: Rest, counts: Counts, admin: Person, plain: dict[str, Any], insight: Insight
) -> None:
    await rest.select(plain)
    await insight.counted(1, 0)
    url = f"/api/v1/experiments/{plain['id']}"
    assert (await rest.client.delete(url)).status_code == 200
    answer = await rest.client.get(f"/api/v1/insight/experiment/{plain['id']}")
    assert answer.status_code == 404
    assert await counts.unique_contexts((admin.tenant_id, plain["id"])) == 0
