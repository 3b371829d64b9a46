"""Several real servers that work together: a watched pair, a cluster."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Self
from typing import TypeVar
from uuid import uuid4

from tests.proxy.edge.certificates import Pair
from tests.store.redis.modes.door import open_door

from qbrixcli.embedded.ports import free_ports
from qbrixcli.embedded.valkey import Valkey
from qbrixcli.embedded.wheels import valkey_program
from qbrixcore.errors import Unavailable
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings

T = TypeVar("T")
NAME = "main"
BEHIND_DOORS = "127.0.0.2"
SLOTS = 16_384
PATIENCE_SEC = 20.0


class Member(Valkey):
    """A server with lines of its own in its configuration."""

    def __init__(
        self, directory: Path, port: int, password: str, lines: list[str]
    ) -> None:
        super().__init__(directory / str(port), port, password)
        self._lines = lines

    @property
    def address(self) -> str:
        return f"{self.settings.host}:{self.settings.port}"

    def _configure(self) -> Path:
        path = super()._configure()
        path.write_text(path.read_text() + "\n".join(self._lines) + "\n")
        return path

    async def ask(self, *command: str | int) -> Any:
        """The reply of this very server."""
        async with RedisClient(self.settings) as client:
            return await client.execute(*command)

    async def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)
        await self.wait()
        await self.stop()


class Sentinel(Member):
    """A server that watches others."""

    async def _launch(self) -> None:
        command = [str(valkey_program()), str(self._configure()), "--sentinel"]
        await self._run(command)

    def _configure(self) -> Path:
        path = self.directory / "sentinel.conf"
        path.write_text("\n".join(self._lines) + "\n")
        return path


class Group:
    """Servers that start and stop together."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.password = uuid4().hex
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        raise NotImplementedError

    async def _run(self, member: Member) -> Member:
        return await self._stack.enter_async_context(member)


class Watched(Group):
    """A master, its replica, and three sentinels.

    With a certificate clients reach all of them over TLS, at the address it is for.
    """

    def __init__(self, directory: Path, pair: Pair | None = None) -> None:
        super().__init__(directory)
        self._pair = pair
        self._host = "127.0.0.1" if pair is None else BEHIND_DOORS

    async def _start(self) -> None:
        one, two, *others = ports = free_ports(5)
        if self._pair is not None:
            for port in ports:
                door = open_door(self._pair, port, self._host)
                await self._stack.enter_async_context(door)
        replicating = [
            f"masterauth {self.password}",
            "repl-diskless-sync-delay 0",
            f"replica-announce-ip {self._host}",
        ]
        following = [*replicating, f"replicaof 127.0.0.1 {one}"]
        self.servers = [
            await self._run(Member(self.directory, one, self.password, replicating)),
            await self._run(Member(self.directory, two, self.password, following)),
        ]
        await eventually(self._replicates)
        self.sentinels = [await self._run(self._sentinel(port, one)) for port in others]
        await eventually(self._know_each_other)

    def _sentinel(self, port: int, master: int) -> Sentinel:
        # a door is slower than a server, and must not be taken for a dead one
        patience_ms = 500 if self._pair is None else 10_000
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.password}",
            f'dir "{self.directory / str(port)}"',
            f"sentinel monitor {NAME} {self._host} {master} 2",
            f"sentinel auth-pass {NAME} {self.password}",
            f"sentinel down-after-milliseconds {NAME} {patience_ms}",
            f"sentinel failover-timeout {NAME} 4000",
        ]
        return Sentinel(self.directory, port, self.password, lines)

    @property
    def settings(self) -> RedisSettings:
        return RedisSettings(
            mode="sentinel",
            nodes=tuple(f"{self._host}:{one.settings.port}" for one in self.sentinels),
            master=NAME,
            password=self.password,
            sentinel_password=self.password,
            tls=self._pair is not None,
            tls_ca=self._pair.cert if self._pair else None,
        )

    async def master(self) -> Member:
        """The server that says that it is master."""
        for server in self.servers:
            try:
                role = await server.ask("ROLE")
            except Unavailable:
                continue
            if role[0] == b"master":
                return server
        raise Unavailable("no master")

    async def _replicates(self) -> None:
        if (await self.servers[1].ask("ROLE"))[3] != b"connected":
            raise Unavailable("not replicating yet")

    async def _know_each_other(self) -> None:
        for sentinel in self.sentinels:
            flat = await sentinel.ask("SENTINEL", "MASTER", NAME)
            held = dict(zip(flat[::2], flat[1::2], strict=True))
            if (held[b"num-other-sentinels"], held[b"num-slaves"]) != (b"2", b"1"):
                raise Unavailable("not acquainted yet")


class Sharded(Group):
    """A cluster of three masters, that of slot ``safe`` with a replica."""

    def __init__(self, directory: Path, safe: int = 0) -> None:
        super().__init__(directory)
        self._safe = safe * 3 // SLOTS

    async def _start(self) -> None:
        ports = free_ports(8)
        self._buses = dict(zip(ports[:4], ports[4:], strict=True))
        self.members = [
            await self._run(
                Member(self.directory, port, self.password, self._lines(port))
            )
            for port in ports[:4]
        ]
        for number, member in enumerate(self.masters):
            # slot s belongs to master 3 s // SLOTS
            first, last = -(-number * SLOTS // 3), -(-(number + 1) * SLOTS // 3) - 1
            await member.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            await member.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for member in self.members[1:]:
            where = (member.settings.port, self._buses[member.settings.port])
            await self.members[0].ask("CLUSTER", "MEET", "127.0.0.1", *where)
        await eventually(self.settled)
        followed = (await self.replicated.ask("CLUSTER", "MYID")).decode()
        await self.members[3].ask("CLUSTER", "REPLICATE", followed)
        await eventually(self._replicates)

    def _lines(self, port: int) -> list[str]:
        return [
            "cluster-enabled yes",
            "cluster-node-timeout 800",
            "cluster-replica-validity-factor 0",
            f"cluster-port {self._buses[port]}",
            f"masterauth {self.password}",
            "repl-diskless-sync-delay 0",
        ]

    @property
    def replicated(self) -> Member:
        """The master that has a replica, the last of the members."""
        return self.members[self._safe]

    @property
    def masters(self) -> list[Member]:
        """Those that were masters at first."""
        return self.members[:3]

    @property
    def settings(self) -> RedisSettings:
        nodes = tuple(one.address for one in self.members)
        return RedisSettings(mode="cluster", nodes=nodes, password=self.password)

    async def announce(self, host: str) -> None:
        """Tell clients this address of every node, none: that which nodes use."""
        for member in self.members:
            await member.ask("CONFIG", "SET", "cluster-announce-client-ipv4", host)
        await eventually(lambda: self._announced(host or "127.0.0.1"))

    async def _announced(self, host: str) -> None:
        for member in self.members:
            for _, _, *nodes in await member.ask("CLUSTER", "SLOTS"):
                if {node[0].decode() for node in nodes} != {host}:
                    raise Unavailable("not known to all yet")

    async def empty(self) -> None:
        """Forget everything that the cluster holds."""
        for member in self.members:
            if (await member.ask("ROLE"))[0] == b"master":
                await member.ask("FLUSHALL")

    async def settled(self) -> None:
        """Raises Unavailable until every member is content with the cluster."""
        for member in self.members:
            info = await member.ask("CLUSTER", "INFO")
            if b"cluster_state:ok" not in info or b"known_nodes:4" not in info:
                raise Unavailable("not settled yet")

    async def _replicates(self) -> None:
        await self.settled()
        if (await self.members[3].ask("ROLE"))[3:4] != [b"connected"]:
            raise Unavailable("not replicating yet")


async def eventually(work: Callable[[], Awaitable[T]]) -> T:
    """What the work returns once the store is available."""
    async with asyncio.timeout(PATIENCE_SEC):
        while True:
            try:
                return await work()
            except Unavailable:
                await asyncio.sleep(0.02)
