"""Every service is replaced under load, one after the other, and nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.processes import environment
from tests.system.balancer import HOST
from tests.system.balancer import Backend
from tests.system.balancer import Balancer
from tests.system.callers import GrpcCaller
from tests.system.callers import Load
from tests.system.callers import RestCaller
from tests.system.learned import Learned
from tests.system.services import Process

from qbrixcli.embedded.ports import free_ports
from qbrixcli.ready import grpc_probe
from qbrixcli.ready import http_probe
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

REST_CALLERS = 6
GRPC_CALLERS = 2
TURNS = 200  # of select and reward, between two replacements
# patient enough for a machine on which much else runs
TIMEOUT_MS = "10000"


class Place(NamedTuple):
    """Two motors, cortex, and two proxies behind a balancer."""

    motors: list[Process]
    cortex: Process
    proxies: list[Process]
    backends: list[Backend]
    balancer: Balancer

    @property
    def processes(self) -> list[Process]:
        return [*self.motors, self.cortex, *self.proxies]

    async def whole(self) -> None:
        """Returns when both proxies are ready and miss no motor."""
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            for backend in self.backends:
                url = f"http://{HOST}:{backend.http}/health/ready"
                await until_whole(client, url)


async def until_whole(client: httpx.AsyncClient, url: str) -> None:
    """Returns when it says so, without a word about what is degraded."""
    while True:
        if (await client.get(url)).json() == {"status": "ready"}:
            return
        await asyncio.sleep(0.05)


@pytest.fixture
async def place(
    postgres_server: PostgresSettings, redis_server: RedisSettings, tmp_path: Path
) -> AsyncIterator[Place]:
    ports = free_ports(7)
    motors, learner, proxies = ports[:2], ports[2], [ports[3:5], ports[5:]]
    common = environment(
        postgres_server,
        redis_server,
        PROXY_MOTOR_HOST=",".join(f"{HOST}:{port}" for port in motors),
        PROXY_REQUEST_TIMEOUT_MS=TIMEOUT_MS,
        PROXY_METRICS_PORT="0",
    )
    stores = {name[5:]: value for name, value in common.items() if "S_" in name}
    log = tmp_path / "services.log"

    def behind(name: str, port: int) -> Process:
        given = {f"{name.upper()}{variable}": said for variable, said in stores.items()}
        given[f"{name.upper()}_GRPC_PORT"] = str(port)
        given[f"{name.upper()}_METRICS_PORT"] = "0"
        return Process(name, given, grpc_probe(HOST, port), log)

    def proxy(http: int, grpc: int) -> Process:
        own = {"PROXY_HTTP_PORT": str(http), "PROXY_GRPC_PORT": str(grpc)}
        return Process("proxy", {**common, **own}, http_probe(HOST, http), log)

    backends = [Backend(*pair) for pair in proxies]
    made = Place(
        [behind("motor", port) for port in motors],
        behind("cortex", learner),
        [proxy(*backend) for backend in backends],
        backends,
        Balancer(backends),
    )
    async with AsyncExitStack() as stack:
        for process in made.processes:
            stack.push_async_callback(process.put_away)
        await asyncio.gather(*(process.start() for process in made.processes))
        await stack.enter_async_context(made.balancer.running())
        yield made


@pytest.fixture
async def person(postgres_server: PostgresSettings) -> Person:
    engine = init_db(postgres_server)
    try:
        return await add_person(engine)
    finally:
        await engine.dispose()


async def add_experiment(place: Place, person: Person) -> str:
    """Three arms, in front of the balancer."""
    url = f"http://{HOST}:{place.balancer.http}/api/v1"
    async with httpx.AsyncClient(base_url=url, headers=person.headers) as client:
        arms = [{"name": name} for name in "abc"]
        pool = await client.post("/pools", json={"name": "p", "arms": arms})
        body = {"name": "e", "pool_id": pool.json()["id"], "policy": "BetaTSPolicy"}
        made = await client.post("/experiments", json=body)
        return str(made.json()["id"])


async def test_replacing_every_service_fails_no_request_and_loses_no_reward(
    place: Place, person: Person, redis_server: RedisSettings
) -> None:
    await place.whole()
    experiment = await add_experiment(place, person)
    rest = f"http://{HOST}:{place.balancer.http}"
    target = f"{HOST}:{place.balancer.grpc}"
    callers = [
        *(RestCaller(rest, person.key) for _ in range(REST_CALLERS)),
        *(GrpcCaller(target, person.key) for _ in range(GRPC_CALLERS)),
    ]
    load = Load(callers, experiment)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await load.more(TURNS)
        for process in place.processes:
            await process.replace()
            await place.whole()
            await load.more(TURNS)
        load.stop()
    expected = [load.arms[arm] for arm in range(3)]
    async with RedisClient(redis_server) as client:
        backend = RedisParamBackend(client, await Layout.read(client))
        state = Learned(backend, client, (person.tenant_id, experiment))
        assert (await state.until(load.arms.total())).tolist() == expected
    said = place.cortex.log.read_text()
    assert "Traceback" not in said, said
