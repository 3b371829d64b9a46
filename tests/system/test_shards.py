"""The store is divided anew under traffic, and every reward counts exactly once."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Callable

import httpx
from tests.system.learned import tenant_of
from tests.system.running import Up
from tests.system.running import eventually
from tests.system.traffic import FEEDBACK
from tests.system.traffic import connections
from tests.system.traffic import select

from qbrixcli.demo.wire import Connection
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend

EXPERIMENTS = 5
SENDERS = 4
ARMS = 3
STEPS = (3, 1)

Learned = dict[str, Counter[int]]


def make(api: httpx.Client, name: str) -> str:
    arms = [{"name": f"arm {number}"} for number in range(ARMS)]
    pool = api.post("/pools", json={"name": name, "arms": arms}).json()["id"]
    body = {"name": name, "pool_id": pool, "policy": "BetaTSPolicy"}
    return str(api.post("/experiments", json=body).json()["id"])


class Traffic:
    """Selects and rewards of several senders, until they are told to stop."""

    def __init__(self, experiments: list[str]) -> None:
        self.sent: Learned = {name: Counter() for name in experiments}
        self.refused: Counter[int] = Counter()
        self.stop = asyncio.Event()
        self._names = experiments

    @property
    def count(self) -> int:
        """Distinct tokens whose reward was acknowledged."""
        return sum(sum(arms.values()) for arms in self.sent.values())

    async def send(self, connection: Connection, sender: int) -> None:
        turn = sender
        while not self.stop.is_set():
            experiment = self._names[turn % len(self._names)]
            turn += 1
            chosen = await select(connection, experiment, f"{sender} {turn}")
            for _ in range(1 + turn % 2):  # every other one is repeated
                await self._reward(connection, chosen.token)
            self.sent[experiment][chosen.arm] += 1

    async def _reward(self, connection: Connection, token: str) -> None:
        body = json.dumps({"request_id": token, "reward": 1}).encode()
        async with asyncio.timeout(60):
            while (reply := await connection.post(FEEDBACK, body)).status != 201:
                assert reply.status == 503, reply.body
                self.refused[reply.status] += 1
                await asyncio.sleep(0.02)


async def learned(up: Up, experiments: list[str]) -> Learned:
    """Pulls by arm, from the params themselves."""
    tenant = await tenant_of(up, experiments[0])
    async with RedisClient(up.redis) as client:
        params = RedisParamBackend(client, await Layout.read(client))
        found = {}
        for name in experiments:
            stored = await params.get(tenant, name)
            assert stored is not None
            pulls = enumerate(stored.state.pulls.tolist())
            found[name] = Counter({arm: count for arm, count in pulls if count})
        return found


def shards(up: Up, *words: str) -> str:
    """What ``qbrix shards`` says."""
    done = subprocess.run(
        [*up.command, "shards", *words],
        env=up.environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_shards_change_under_traffic(fresh: Callable[..., Up]) -> None:
    up = fresh().start()
    with up.client() as api:
        experiments = [make(api, f"shards {number}") for number in range(EXPERIMENTS)]
        await divide_under_traffic(up, experiments)
        late = make(api, "made when the shards are others")
        assert api.get(f"/experiments/{late}").status_code == 200
        token = api.post(
            "/agent/select", json={"experiment_id": late, "context": {"id": "x"}}
        ).json()["request_id"]
        given = {"request_id": token, "reward": 1}
        assert api.post("/agent/feedback", json=given).status_code == 201


async def divide_under_traffic(up: Up, experiments: list[str]) -> None:
    traffic = Traffic(experiments)
    async with connections(up, SENDERS) as lines:
        async with asyncio.TaskGroup() as group:
            for sender, line in enumerate(lines):
                group.create_task(traffic.send(line, sender))
            for count in STEPS:
                await sent(traffic, 100)
                said = await asyncio.to_thread(shards, up, "migrate", str(count))
                assert f"has {count} shard" in said
            await sent(traffic, 100)
            traffic.stop.set()
        assert sum(traffic.refused.values()) > 0, "it was refused meanwhile"
        async with asyncio.timeout(60):
            while await learned(up, experiments) != traffic.sent:
                found = await learned(up, experiments)
                for name, arms in found.items():
                    assert all(arms[arm] <= traffic.sent[name][arm] for arm in arms)
                await asyncio.sleep(0.1)
    with up.client() as api:
        for name in experiments:
            counted(api, name, sum(traffic.sent[name].values()))


async def sent(traffic: Traffic, more: int) -> None:
    """Return when so many more rewards were acknowledged."""
    goal = traffic.count + more
    async with asyncio.timeout(60):
        while True:
            if traffic.count >= goal:
                return
            await asyncio.sleep(0.02)


def counted(api: httpx.Client, experiment: str, expected: int) -> None:
    """The insight counts each selection and each reward once, too."""

    def told() -> bool:
        found = api.get(f"/insight/experiment/{experiment}").json()
        numbers = (found["total_selections"], found["total_feedback"])
        assert max(numbers) <= expected
        return numbers == (expected, expected)

    eventually(told)
