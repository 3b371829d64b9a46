"""A change of a gate reaches every worker, whatever gets lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha1
from typing import Any
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.waiting import eventually

from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixcore.gate import Gate
from qbrixstore.postgres import get_session
from qbrixstore.postgres.gates import Gates
from qbrixstore.redis.changes import GRACE_SEC
from qbrixstore.redis.changes import POLL_SEC
from qbrixstore.redis.client import Script

SELECT = "/api/v1/agent/select"


class Scene(NamedTuple):
    """Two workers without any motor, and a gated experiment warm in both."""

    here: httpx.AsyncClient
    there: httpx.AsyncClient
    experiment: dict[str, Any]
    tenant: str

    @property
    def gate(self) -> str:
        return f"/api/v1/gates/{self.experiment['id']}"

    def arm(self, index: int) -> str:
        found: str = self.experiment["pool"]["arms"][index]["id"]
        return found

    async def chosen_there(self) -> int:
        """The arm that the other worker answers; a gated one takes no motor."""
        body = {"experiment_id": self.experiment["id"], "context": {"id": "x"}}
        answer = await self.there.post(SELECT, json=body)
        assert answer.status_code == 200, answer.text
        index: int = answer.json()["arm"]["index"]
        return index

    async def becomes(self, index: int) -> None:
        """Returns when the other worker answers this arm."""

        async def so() -> bool:
            return await self.chosen_there() == index

        await eventually(so)


@pytest.fixture
async def scene(settings: ProxySettings, admin: Person) -> AsyncIterator[Scene]:
    async with (
        proxy(settings) as one,
        proxy(settings) as other,
        client_of(one, admin.headers) as here,
        client_of(other, admin.headers) as there,
    ):
        arms = [{"name": "red"}, {"name": "green"}, {"name": "blue"}]
        pool = {"name": "colours", "arms": arms}
        made = (await here.post("/api/v1/pools", json=pool)).json()
        body = {
            "name": "e",
            "pool_id": made["id"],
            "policy": "BetaTSPolicy",
            "feature_gate": {"enabled": False, "default_arm_name": "red"},
        }
        experiment = (await here.post("/api/v1/experiments", json=body)).json()
        scene = Scene(here, there, experiment, admin.tenant_id)
        assert await scene.chosen_there() == 0
        yield scene


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of definitions are counted, and no message of them ever comes."""
    monkeypatch.setattr("qbrixstore.redis.definitions._PUBLISH", Silent())


class Silent(Script):
    """The script that publishes a definition, without its message."""

    def __init__(self) -> None:
        super().__init__("publish")
        told = "redis.call('PUBLISH', ARGV[9], count .. ' ' .. ARGV[11])"
        assert self.text.count(told) == 1
        self.text = self.text.replace(told, "")
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


async def changed(scene: Scene, index: int) -> None:
    body = {"default_arm_id": scene.arm(index)}
    answer = await scene.here.patch(scene.gate, json=body)
    assert answer.status_code == 200, answer.text


async def test_a_change_reaches_the_other_worker(scene: Scene) -> None:
    for index in (1, 2, 0):
        await changed(scene, index)
        await scene.becomes(index)


async def test_a_change_whose_message_is_dropped_is_found(
    deaf: None, scene: Scene
) -> None:
    # what the counters are polled for, so that a second is enough
    assert POLL_SEC + GRACE_SEC < 0.75
    for index in (1, 2, 0):
        await changed(scene, index)
        await scene.becomes(index)


async def test_a_gate_whose_message_is_dropped_comes_and_goes(
    deaf: None, scene: Scene
) -> None:
    await scene.here.delete(scene.gate)

    async def by_the_bandit() -> bool:
        body = {"experiment_id": scene.experiment["id"], "context": {"id": "x"}}
        # which is nowhere to be found
        return (await scene.there.post(SELECT, json=body)).status_code == 503

    await eventually(by_the_bandit)
    again = {"enabled": False, "default_arm_name": "blue"}
    assert (await scene.here.post(scene.gate, json=again)).status_code == 201

    async def by_the_gate() -> bool:
        return not await by_the_bandit()

    await eventually(by_the_gate)
    await scene.becomes(2)


async def test_a_change_that_nobody_told_of_is_relayed(
    scene: Scene, engine: AsyncEngine
) -> None:
    """As when a worker dies between its commit and what follows."""
    gate = Gate(enabled=False, default_arm_id=scene.arm(2))
    async with get_session(engine, scene.tenant) as session:
        await Gates(session, scene.tenant).replace(scene.experiment["id"], gate)
    await scene.becomes(2)
