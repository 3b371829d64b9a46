"""A store goes away and comes back under the whole system; no process is restarted."""

from __future__ import annotations

import asyncio
import signal
import statistics
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
import psutil
import pytest
from tests.proxy.test_outages import Restarted
from tests.servers import Background
from tests.servers import ServerDirectory
from tests.system.learned import learned
from tests.system.running import Up
from tests.system.running import eventually
from tests.system.running import scratch
from tests.system.scraping import scrape

from proxysvc.settings import ProxySettings
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey
from qbrixproto import common_pb2
from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

SERVICES = ("PROXY", "MOTOR", "CORTEX")
PROMISED_SEC = 0.5  # an answer without the store, as callers are told
BACK_SEC = 2.0  # everything works again after the return of a store
OLD_SEC = 2.5  # several polls that found nothing new
SLACK = 4.0  # what a machine that is busy otherwise may take, in multiples


class System:
    """A running system whose stores can be taken away."""

    def __init__(self, up: Up, background: Background, stores: list[Restarted]) -> None:
        self.up = up
        self._background = background
        self.redis, self.postgres = stores

    @contextmanager
    def without(self, store: Restarted) -> Iterator[Callable[[], float]]:
        """The store is stopped in the block, until what is given is called.

        That starts it again, and returns when it answers.
        """
        self._background.run(store.stop())
        started: list[float] = []

        def start() -> float:
            if not started:
                self._background.run(store.start())
                started.append(time.monotonic())
            return started[0]

        try:
            yield start
        finally:
            start()

    @contextmanager
    def frozen_redis(self) -> Iterator[None]:
        (server,) = (
            child
            for child in psutil.Process().children(recursive=True)
            if child.name() == "valkey-server"
            and str(self.up.environ["PROXY_REDIS_PORT"]) in " ".join(child.cmdline())
        )
        server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send_signal(signal.SIGCONT)

    def select(self, client: httpx.Client, experiment: str) -> httpx.Response:
        body = {"experiment_id": experiment, "context": {"id": "someone"}}
        return client.post("/agent/select", json=body)

    def reward(self, client: httpx.Client, token: str) -> httpx.Response:
        return client.post("/agent/feedback", json={"request_id": token, "reward": 1})

    @property
    def processes(self) -> list[int]:
        found = [self.up.service(name) for name in ("proxy", "motor", "cortex")]
        return [service.pid for service in found if service is not None]


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    background = Background()
    directory = ServerDirectory()
    redis = Restarted(Valkey, directory.path / "redis")
    postgres = Restarted(Postgres, directory.path / "postgres")
    at, database = background.run(redis.start()), background.run(postgres.start())
    variables: dict[str, str] = {}
    for service in SERVICES:
        for store, settings in (("REDIS", at), ("POSTGRES", database)):
            for name in settings.__struct_fields__:
                if value := getattr(settings, name):
                    variables[f"{service}_{store}_{name.upper()}"] = str(value)
    up = Up(scratch(), **variables)
    try:
        yield System(up.start(), background, [redis, postgres])
    finally:
        up.put_away()
        background.run(redis.stop())
        background.run(postgres.stop())
        background.close()
        directory.remove()


@pytest.fixture
def api(system: System) -> Iterator[httpx.Client]:
    with system.up.client() as client:
        experiment = system.up.experiment
        eventually(lambda: system.select(client, experiment).status_code == 200)
        before = system.processes
        yield client
    assert system.processes == before


@pytest.fixture
def stub(system: System) -> Iterator[ProxyServiceStub]:
    target = system.up.credentials["grpc_url"].removeprefix("grpc://")
    with grpc.insecure_channel(target) as channel:
        yield ProxyServiceStub(channel)


def status(system: System, call: Callable[..., object], request: object) -> str:
    """Name of the gRPC status of a call."""
    key = (("x-api-key", system.up.credentials["api_key"]),)
    try:
        call(request, metadata=key, timeout=10)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def test_without_postgres_decisions_and_learning_go_on(
    system: System, api: httpx.Client, stub: ProxyServiceStub
) -> None:
    experiment = system.up.experiment
    pools = {"name": "new", "arms": [{"name": "a"}, {"name": "b"}]}
    before = asyncio.run(pulls(system))
    with system.without(system.postgres) as start:
        for _ in range(10):
            chosen = system.select(api, experiment)
            assert chosen.status_code == 200
            assert system.reward(api, chosen.json()["request_id"]).status_code == 201
        for answer in (api.get("/pools"), api.post("/pools", json=pools)):
            assert answer.status_code == 503
            assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
        listing = proxy_pb2.ListPoolsRequest(limit=1)
        assert status(system, stub.ListPools, listing) == "UNAVAILABLE"
        back = start()
        eventually(lambda: api.post("/pools", json=pools).status_code == 201)
        assert time.monotonic() - back < BACK_SEC * SLACK
        assert status(system, stub.ListPools, listing) == "OK"
    assert asyncio.run(pulls(system, before + 10)) == before + 10


async def pulls(system: System, wanted: int = 0) -> int:
    async with learned(system.up, system.up.experiment) as state:
        return int((await state.until(wanted)).sum())


def test_without_redis_what_is_in_memory_goes_on(
    system: System, api: httpx.Client, stub: ProxyServiceStub
) -> None:
    assert ProxySettings().request_timeout_ms / 1_000 <= PROMISED_SEC
    experiment = system.up.experiment
    token = system.select(api, experiment).json()["request_id"]
    warm = proxy_pb2.SelectRequest(
        experiment_id=experiment, context=common_pb2.Context(id="someone")
    )
    cold = proxy_pb2.SelectRequest(
        experiment_id="never-seen", context=common_pb2.Context(id="someone")
    )
    late = proxy_pb2.FeedbackRequest(request_id=token, reward=1)
    with system.without(system.redis) as start:
        for _ in range(20):
            assert system.select(api, experiment).status_code == 200
            assert status(system, stub.Select, warm) == "OK"
        for _ in range(5):
            asked = time.monotonic()
            assert system.select(api, "never-seen").status_code == 503
            assert system.reward(api, token).status_code == 503
            assert status(system, stub.Select, cold) == "UNAVAILABLE"
            assert status(system, stub.Feedback, late) == "UNAVAILABLE"
            assert time.monotonic() - asked < 4 * PROMISED_SEC * SLACK
        back = start()
        eventually(lambda: system.reward(api, token).status_code == 201)
        eventually(lambda: system.select(api, "never-seen").status_code == 404)
        assert time.monotonic() - back < BACK_SEC * SLACK
    assert status(system, stub.Feedback, late) == "OK"
    assert api.get("/pools").status_code == 200


def test_without_redis_the_age_of_what_is_served_grows(
    system: System, api: httpx.Client
) -> None:
    experiment = system.up.experiment
    ready = system.up.credentials["http_url"] + "/health/ready"

    def age(name: str = "qbrix_motor_age_seconds", **of: str) -> float:
        service = name.split("_")[1].upper()
        return scrape(system.up, [service]).value(name, **of)

    def degraded() -> list[str]:
        return list(api.get(ready).json().get("degraded", []))

    for of in ("params", "definitions"):
        eventually(lambda of=of: age(of=of) < OLD_SEC)
    eventually(lambda: not degraded())
    with system.without(system.redis) as start:
        for of in ("params", "definitions"):
            eventually(lambda of=of: age(of=of) > 2 * OLD_SEC)
        assert age("qbrix_proxy_definitions_age_seconds") > OLD_SEC
        assert system.select(api, experiment).status_code == 200
        assert api.get(ready).status_code == 200
        eventually(lambda: any("redis" in one for one in degraded()))
        before = age(of="params")
        eventually(lambda: age(of="params") > before + 1)
        start()
        for of in ("params", "definitions"):
            eventually(lambda of=of: age(of=of) < OLD_SEC)
        eventually(lambda: age("qbrix_proxy_definitions_age_seconds") < OLD_SEC)
        eventually(lambda: not degraded())


def test_cold_selects_that_wait_for_redis_hold_up_no_warm_one(
    system: System, api: httpx.Client
) -> None:
    """Each of them waits for its whole time limit; a warm one that waited would too."""
    experiment = system.up.experiment
    usual = latencies(system, api, experiment)
    over = threading.Event()
    answers: list[int] = []

    def ask_in_vain(number: int) -> None:
        with system.up.client() as client:
            while not over.is_set():
                answers.append(system.select(client, f"cold-{number}").status_code)

    waiting = [threading.Thread(target=ask_in_vain, args=(n,)) for n in range(16)]
    with system.frozen_redis():
        for thread in waiting:
            thread.start()
        try:
            # each has waited in vain once, and waits again
            eventually(lambda: len(answers) >= len(waiting))
            frozen = latencies(system, api, experiment)
        finally:
            over.set()
            for thread in waiting:
                thread.join()
    assert set(answers) == {503}
    # none waited for what the cold ones wait for
    limit = ProxySettings().request_timeout_ms / 1_000
    assert max(frozen) < limit
    assert statistics.median(frozen) < 5 * statistics.median(usual)
    eventually(lambda: system.select(api, "never-seen").status_code == 404)


def latencies(system: System, api: httpx.Client, experiment: str) -> list[float]:
    """Of 200 warm selects, in seconds."""
    found = []
    for _ in range(200):
        asked = time.monotonic()
        assert system.select(api, experiment).status_code == 200
        found.append(time.monotonic() - asked)
    return found
