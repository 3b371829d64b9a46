"""A whole system whose every process can be killed, and is started again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final

import grpc
import psutil
from chaos.severing import Severing

from qbrixcli import ready
from qbrixcli.backoff import Backoff
from qbrixcli.console import Console
from qbrixcli.credentials import Credentials
from qbrixcli.datadir import DataDirectory
from qbrixcli.demonstration import fresh_variables
from qbrixcli.embedded.ports import free_ports
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey
from qbrixcli.keyring import load_keyring
from qbrixcli.plan import make_plan
from qbrixcli.service import Service
from qbrixcli.supervisor import Supervisor
from qbrixcli.supervisor import Unit
from qbrixcli.together import together
from qbrixcli.welcome import Welcome
from qbrixproto import cortex_pb2
from qbrixproto import cortex_pb2_grpc

HOST: Final = "127.0.0.1"
WORKERS: Final = 2
SHARDS: Final = 2
SERVICE_STOP_SEC: Final = 3.0
HEALTHY_SEC: Final = 1.0  # after which an earlier kill of it no longer delays a start
SNAPSHOT_SEC: Final = 2  # short, so that there is always something to go back to
SNAPSHOTS_KEPT: Final = 1_000
SERVICES: Final = ("PROXY", "MOTOR", "CORTEX")


class Redis(Valkey):
    """Writes to disk before it answers, and never shortens the file it writes."""

    def _configure(self) -> Path:
        path = super()._configure()
        with path.open("a") as file:
            file.write("auto-aof-rewrite-percentage 0\n")
        return path


class System:
    """Two stores, two motors, a cortex, and a proxy with two workers.

    cortex reaches Redis through ``severing``, which can cut that connection.
    """

    def __init__(self, directory: Path, console: Console) -> None:
        self.data = DataDirectory(directory / "data")
        self._console = console
        self._given = fresh_variables()
        taken = {int(port) for port in self._given.values()}
        ports = free_ports(5, avoid=taken)
        redis, severed, postgres, self._motor_port, self._standby_port = ports
        self._ports = redis, postgres
        self.severing = Severing(severed, redis)
        self._supervisor: Supervisor | None = None

    async def __aenter__(self) -> System:
        await self.data.open()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        self._make_stores()
        plan = make_plan(self.data, self._variables())
        self.environ = plan.environ
        self.proxy = self._service("proxy")
        self.motors = [
            self._service("motor"),
            self._service("motor", MOTOR_GRPC_PORT=self._motor_port),
        ]
        self.cortex = self._service("cortex")
        stores: list[Unit] = [self.redis, self.postgres]
        stages: list[list[Unit]] = [
            [self.proxy],
            [*self.motors],
            [self.cortex],
            stores,
        ]
        self._supervisor = Supervisor(self._console, stages)
        welcome = Welcome(self.data, plan.topology)
        await self.severing.start()
        await together(self.redis.start(), self.postgres.start())
        await welcome.prepare(self.postgres.settings)
        await together(*(service.start() for service in self._services))
        await together(*map(self._until_ready, self._services))
        for unit in (*stores, *self._services):
            self._supervisor.keep(unit, Backoff(healthy_sec=HEALTHY_SEC))
        await welcome.finish()
        assert welcome.credentials is not None
        self.credentials: Credentials = welcome.credentials

    async def _stop(self) -> None:
        try:
            if self._supervisor is not None:
                await self._supervisor.stop()
            await self.severing.stop()
        finally:
            self.data.close()

    def _make_stores(self) -> None:
        keyring, (redis, postgres) = load_keyring(self.data), self._ports
        self.redis = Redis(self.data.valkey, redis, keyring.valkey_password, "always")
        secret = keyring.postgres_password
        self.postgres = Postgres(self.data.postgres, postgres, secret)

    def _variables(self) -> dict[str, str]:
        given = dict(self._given)
        stores = {"REDIS": self.redis.settings, "POSTGRES": self.postgres.settings}
        for service in SERVICES:
            for store, settings in stores.items():
                for name in settings.__struct_fields__:
                    if value := getattr(settings, name):
                        given[f"{service}_{store}_{name.upper()}"] = str(value)
        ports = int(given["MOTOR_GRPC_PORT"]), self._motor_port
        return {
            **given,
            # two of a kind on one machine would want the same one
            **{f"{service}_METRICS_PORT": "0" for service in SERVICES},
            "CORTEX_SHARDS": str(SHARDS),
            "CORTEX_REDIS_PORT": str(self.severing.port),
            "CORTEX_SNAPSHOT_INTERVAL_SEC": str(SNAPSHOT_SEC),
            "CORTEX_SNAPSHOTS_KEPT": str(SNAPSHOTS_KEPT),
            "EVENT_LOG": "postgres",
            "PROXY_HTTP_WORKERS": str(WORKERS),
            "PROXY_MOTOR_HOST": ",".join(f"{HOST}:{port}" for port in ports),
        }

    @property
    def _services(self) -> list[Service]:
        return [self.proxy, *self.motors, self.cortex]

    def _service(self, name: str, **changes: int) -> Service:
        environ = self.environ | {key: str(value) for key, value in changes.items()}
        return Service(
            name,
            f"{name}svc",
            environ,
            self.data.lock,
            self._console,
            SERVICE_STOP_SEC,
        )

    def standby(self) -> Service:
        """Another cortex of the same name, not yet started."""
        return self._service("cortex", CORTEX_GRPC_PORT=self._standby_port)

    def workers(self) -> list[psutil.Process]:
        """The processes that answer for the proxy; none while there is no proxy."""
        try:
            found = psutil.Process(self.proxy.pid).children()
            return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
        except (psutil.NoSuchProcess, RuntimeError):
            return []

    async def owned(self, cortex: Service | None) -> int:
        """How many shards a cortex says that it owns; None is the standby."""
        port = self._standby_port if cortex is None else self._port(cortex)
        async with grpc.aio.insecure_channel(f"{HOST}:{port}") as channel:
            stub = cortex_pb2_grpc.CortexServiceStub(channel)
            request = cortex_pb2.GetStatsRequest()
            answer = await stub.GetStats(request, timeout=ready.ANSWER_SEC)
        return sum(shard.is_owner for shard in answer.shards)

    async def is_ready(self) -> bool:
        """Whether every service says so, and no worker is missing."""
        for service in self._services:
            if not await self._probe(service)():
                return False
        serving = [await asyncio.to_thread(self._serves, one) for one in self.workers()]
        return sum(serving) == WORKERS

    def _serves(self, worker: psutil.Process) -> bool:
        """Whether it has got as far as to take calls; the HTTP port is its parent's."""
        port = int(self.environ["PROXY_GRPC_PORT"])
        try:
            found = worker.net_connections("tcp")
        except psutil.Error:
            return False
        return any(
            one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found
        )

    async def _until_ready(self, service: Service) -> None:
        await ready.until_ready(service, self._probe(service))

    def _probe(self, service: Service) -> ready.Probe:
        port = self._port(service)
        if service is self.proxy:
            return ready.http_probe(HOST, port)
        return ready.grpc_probe(HOST, port)

    def _port(self, service: Service) -> int:
        if service is self.proxy:
            return int(self.environ["PROXY_HTTP_PORT"])
        if service is self.motors[1]:
            return self._motor_port
        return int(self.environ[f"{service.name.upper()}_GRPC_PORT"])
