"""A balancer of connections, as simple as those in front of real systems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from qbrixcli.ready import http_probe

HOST = "127.0.0.1"
INTERVAL = 0.1  # seconds between looks at who is ready
CHUNK = 65_536


class Backend(NamedTuple):
    """The two ports of one proxy."""

    http: int
    grpc: int


class Balancer:
    """Leads each new connection to a backend that says that it is ready, in turn.

    One that cannot be connected to is passed over. Of what is sent nothing is known.
    """

    def __init__(self, backends: list[Backend]) -> None:
        self._backends = backends
        self._ready: list[Backend] = []
        self._turn = count()
        self._pipes: set[asyncio.Task[None]] = set()
        self.http = self.grpc = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Balancer]:
        """Its ports are open in the block."""
        watch = asyncio.create_task(self._watch())
        http = await asyncio.start_server(self._take_http, HOST, 0)
        grpc = await asyncio.start_server(self._take_grpc, HOST, 0)
        self.http, self.grpc = (
            server.sockets[0].getsockname()[1] for server in (http, grpc)
        )
        try:
            yield self
        finally:
            http.close()
            grpc.close()
            for task in (watch, *self._pipes):
                task.cancel()
            await asyncio.gather(watch, *self._pipes, return_exceptions=True)

    async def _watch(self) -> None:
        probes = [(one, http_probe(HOST, one.http)) for one in self._backends]
        while True:
            self._ready = [one for one, probe in probes if await probe()]
            await asyncio.sleep(INTERVAL)

    async def _take_http(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._take([one.http for one in self._in_turn()], reader, writer)

    async def _take_grpc(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._take([one.grpc for one in self._in_turn()], reader, writer)

    def _in_turn(self) -> list[Backend]:
        ready, turn = self._ready, next(self._turn)
        return [ready[(turn + n) % len(ready)] for n in range(len(ready))]

    async def _take(
        self,
        ports: list[int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        for port in ports:
            try:
                there, back = await asyncio.open_connection(HOST, port)
            except OSError:
                continue
            for source, sink in ((reader, back), (there, writer)):
                task = asyncio.create_task(_pass_on(source, sink))
                self._pipes.add(task)
                task.add_done_callback(self._pipes.discard)
            return
        writer.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                sink.write(data)
                await sink.drain()
    finally:
        sink.close()
