"""A door with TLS in front of a server that has none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress

from tests.proxy.edge.certificates import Pair


@asynccontextmanager
async def tls_door(pair: Pair, to: int, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port on which the server on port ``to`` is reached over TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to)
        with suppress(OSError):
            await asyncio.gather(
                _pass(reader, inner_writer), _pass(inner_reader, writer)
            )

    server = await asyncio.start_server(enter, host, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    finally:
        target.close()
