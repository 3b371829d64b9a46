"""The whole system on one machine: stores, motor, cortex and proxy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from types import TracebackType
from typing import Final

from qbrixcli import ready
from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.embedded.server import Server
from qbrixcli.plan import Plan
from qbrixcli.plan import make_plan
from qbrixcli.service import Service
from qbrixcli.supervisor import Supervisor
from qbrixcli.together import together
from qbrixcli.topology import dialled
from qbrixcli.trust import trust
from qbrixcli.welcome import Welcome

# with the 3.5 s of the stores all of it ends within 10 s, whatever happens
PROXY_STOP_SEC = 3.0
MOTOR_STOP_SEC = 1.0
CORTEX_STOP_SEC = 2.0
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class System:
    """Everything started and ready inside the context, everything stopped after it.

    Entering raises StartError with one line that says what to do.

    Args:
        data: where it keeps what must survive.
        given: variables of the services; empty ones count as unset.
        console: where it says what happens.
        motors: how many of them; those after the first have any free ports.
    """

    def __init__(
        self,
        data: DataDirectory,
        given: Mapping[str, str],
        console: Console,
        motors: int = 1,
    ) -> None:
        self._data = data
        self._given = given
        self._console = console
        self._motors = motors
        self._running: Running | None = None

    @property
    def welcome(self) -> Welcome:
        """Addresses and credentials. Raises RuntimeError outside the context."""
        if self._running is None:
            raise RuntimeError("the system does not run")
        return self._running.welcome

    async def __aenter__(self) -> System:
        await self._data.open()
        try:
            plan = make_plan(self._data, self._given, self._motors)
            self._running = Running(self._data, plan, self._console)
            await self._running.start()
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

    async def _stop(self) -> None:
        try:
            if self._running is not None:
                await self._running.stop()
        finally:
            self._data.close()


class Running:
    """The processes of a plan."""

    def __init__(self, data: DataDirectory, plan: Plan, console: Console) -> None:
        self._data = data
        self._plan = plan
        self._console = console
        self.welcome = Welcome(data, plan.topology)
        self._proxy = self._service("proxy", PROXY_STOP_SEC)
        self._motors = self._all_motors()
        self._cortex = self._service("cortex", CORTEX_STOP_SEC)
        self._supervisor = Supervisor(
            console,
            [
                [self._proxy],
                [motor for motor, _ in self._motors],
                [self._cortex],
                plan.stores.servers,
            ],
        )

    async def start(self) -> None:
        """Start everything, as much as possible at once. Raises StartError."""
        await together(self._start_valkey_and_motors(), self._start_postgres())
        self._plan.stores.publish()
        await together(self._proxy.start(), self._cortex.start())
        await self._until_ready()
        await self.welcome.finish()

    async def stop(self) -> None:
        """Stop everything: who takes requests first, stores last."""
        await self._supervisor.stop()
        self._plan.stores.withdraw()

    def _all_motors(self) -> list[tuple[Service, int]]:
        """Each with its port."""
        first = self._plan.topology.motor.grpc_port
        motors = [(self._service("motor", MOTOR_STOP_SEC), first)]
        for number, more in enumerate(self._plan.more_motors, 2):
            name, own = f"motor-{number}", more.variables()
            service = self._service("motor", MOTOR_STOP_SEC, name, own)
            motors.append((service, more.port))
        return motors

    async def _start_valkey_and_motors(self) -> None:
        await self._start_server(self._plan.stores.valkey)
        await together(*(motor.start() for motor, _ in self._motors))

    async def _start_postgres(self) -> None:
        await self._start_server(self._plan.stores.postgres)
        await self.welcome.prepare(self._plan.topology.proxy.postgres)

    async def _start_server(self, server: Server | None) -> None:
        if server is not None:
            await server.start()
            self._supervisor.keep(server)

    async def _until_ready(self) -> None:
        doors = self._plan.topology
        tls = None if doors.certificate is None else trust(doors.certificate)
        proxy = ready.http_probe(
            dialled(doors.proxy.http_host), doors.proxy.http_port, tls
        )
        host = dialled(doors.motor.grpc_host)
        cortex = ready.grpc_probe(
            dialled(doors.cortex.grpc_host), doors.cortex.grpc_port
        )
        await together(
            self._hold(self._proxy, proxy),
            *(self._hold(m, ready.grpc_probe(host, port)) for m, port in self._motors),
            self._hold(self._cortex, cortex),
        )

    async def _hold(self, service: Service, probe: ready.Probe) -> None:
        await ready.until_ready(service, probe)
        self._supervisor.keep(service)

    def _service(
        self,
        service: str,
        stop_sec: float,
        name: str = "",
        own: Mapping[str, str] = NOTHING,
    ) -> Service:
        return Service(
            name or service,
            f"{service}svc",
            {**self._plan.environ, **own},
            self._data.lock,
            self._console,
            stop_sec,
        )
