"""Two motors under one proxy, of which one at a time is killed under load."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx
import psutil
from tests.system.running import Up
from tests.system.running import eventually
from tests.system.traffic import connections
from tests.system.traffic import select
from tests.trust import TRUST

from qbrixcli.demo.wire import Connection

AT_ONCE = 8
BETWEEN = 200  # selects before and after each kill


def all_well(up: Up) -> bool:
    """Whether no worker misses a motor."""
    url = f"{up.credentials['http_url']}/health/ready"
    return "degraded" not in httpx.get(url, trust_env=False, verify=TRUST).json()


class Load:
    """Selects without a pause, all of which have to succeed."""

    def __init__(self, experiments: list[str]) -> None:
        self.answered: Counter[str] = Counter()
        self._experiments = experiments
        self._stopped = False

    async def run(self, line: Connection) -> None:
        """Until it is stopped."""
        while not self._stopped:
            for experiment in self._experiments:
                await select(line, experiment, "somebody")
                self.answered[experiment] += 1

    def stop(self) -> None:
        """After what is under way."""
        self._stopped = True

    async def more(self) -> None:
        """Returns when some more were answered."""
        wanted = self.answered.total() + BETWEEN
        async with asyncio.timeout(60):
            while True:
                await asyncio.sleep(0.01)
                if self.answered.total() >= wanted:
                    return


def add_experiments(up: Up, count: int) -> list[str]:
    """So many, which motors share among them."""
    with up.client() as client:
        arms = [{"name": "a"}, {"name": "b"}]
        pool = client.post("/pools", json={"name": "p", "arms": arms}).json()["id"]
        common = {"pool_id": pool, "policy": "BetaTSPolicy"}
        answers = [
            client.post("/experiments", json={"name": f"e{n}", **common})
            for n in range(count)
        ]
        return [answer.json()["id"] for answer in answers]


async def test_no_select_fails_when_a_motor_is_killed(
    fresh: Callable[..., Up],
) -> None:
    # patient enough for a machine on which much else runs
    up = fresh(PROXY_REQUEST_TIMEOUT_MS="10000").start("--motors", "2")
    load = Load(await asyncio.to_thread(add_experiments, up, 6))
    async with connections(up, AT_ONCE) as lines, asyncio.TaskGroup() as group:
        for line in lines:
            group.create_task(load.run(line))
        for name in ("motor", "motor-2"):
            await asyncio.to_thread(eventually, lambda: all_well(up))
            await load.more()
            await asyncio.to_thread(kill, up, name)
            await load.more()
        await asyncio.to_thread(eventually, lambda: all_well(up))
        load.stop()
    said = up.log.read_text()
    for name in ("motor", "motor-2"):
        assert f"{name} ended with -9, starting it again" in said


def kill(up: Up, name: str) -> None:
    """End one motor without a word, and return when it is gone."""
    own = up.environ["MOTOR_GRPC_PORT"]
    for motor in up.services("motor"):
        if (motor.environ()["MOTOR_GRPC_PORT"] == own) == (name == "motor"):
            motor.kill()
            psutil.wait_procs([motor], 30)
