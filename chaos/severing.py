"""A connection to Redis on which a commit can be cut in two."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Final

from qbrixstore.redis.client import Script

HOST: Final = "127.0.0.1"
CHUNK: Final = 65_536
COMMIT: Final = Script("commit").sha.encode()


class Cut(Enum):
    """Where the next commit loses its connection."""

    REQUEST = "half of it was sent"
    REPLY = "it was done, and the answer lost"


class Severing:
    """Passes everything on between a port and another, until it is told to cut."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._wanted: Cut | None = None
        self._happened = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def stop(self) -> None:
        """Listen no longer, and end what is open."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()

    async def cut(self, where: Cut) -> None:
        """Cut the next commit; returns when that happened."""
        self._happened.clear()
        self._wanted = where
        await self._happened.wait()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(self, writer, back)
        self._open |= {writer, back}
        ways = [
            asyncio.create_task(pair.requests(reader)),
            asyncio.create_task(pair.replies(there)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pair.abort()
            # either side may go at any moment
            await asyncio.gather(*ways, return_exceptions=True)
            self._open -= {writer, back}

    def due(self, data: bytes) -> Cut | None:
        """Where to cut the connection on which this came, if at all."""
        if self._wanted is None or COMMIT not in data:
            return None
        where, self._wanted = self._wanted, None
        return where

    def done(self) -> None:
        """A commit was cut."""
        self._happened.set()


class Pair:
    """Both ways of one connection; each ends the other."""

    def __init__(
        self,
        severing: Severing,
        client: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
    ) -> None:
        self._severing = severing
        self._client = client
        self._server = server
        self._mute = False

    async def requests(self, reader: asyncio.StreamReader) -> None:
        """What the client sends. Raises EOFError at the end."""
        while data := await reader.read(CHUNK):
            where = self._severing.due(data)
            if where is Cut.REQUEST:
                data = data[: len(data) // 2]
            self._mute = where is Cut.REPLY
            self._server.write(data)
            await self._server.drain()
            if where is Cut.REQUEST:
                self._cut()
        raise EOFError

    async def replies(self, reader: asyncio.StreamReader) -> None:
        """What the server answers. Raises EOFError at the end."""
        while data := await reader.read(CHUNK):
            if self._mute:
                self._cut()
            self._client.write(data)
            await self._client.drain()
        raise EOFError

    def _cut(self) -> None:
        self._severing.done()
        raise EOFError

    def abort(self) -> None:
        """Let go of both sides, whatever is still on its way."""
        self._client.transport.abort()
        self._server.transport.abort()
