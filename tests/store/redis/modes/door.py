"""A door with TLS in front of a server that has none."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextlib import suppress

from tests.proxy.edge.certificates import Pair

from qbrixserving.background import background

Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HANDSHAKE = b"\x16"  # how TLS begins, and no command


@asynccontextmanager
async def tls_door(pair: Pair, to: int, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port on which the server on port ``to`` is reached over TLS."""
    server = await asyncio.start_server(_way(to), host, 0, ssl=_context(pair))
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def open_door(pair: Pair, to: int, host: str) -> AsyncIterator[None]:
    """The same on the very port of another address; it lets who has no TLS pass.

    Servers that know each other by the addresses that clients use have none.
    """
    with socket.create_server((host, to)) as listener:
        listener.setblocking(False)
        async with background(_admit(listener, pair, to), "a door"):
            yield


async def _admit(listener: socket.socket, pair: Pair, to: int) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        while True:
            entering, _ = await loop.sock_accept(listener)
            group.create_task(_let_in(entering, pair, to))


async def _let_in(entering: socket.socket, pair: Pair, to: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(entering, ready.set_result, None)
    await ready
    loop.remove_reader(entering)
    with suppress(OSError):
        begins = entering.recv(1, socket.MSG_PEEK)
        reader = asyncio.StreamReader()
        await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader, _way(to)),
            entering,
            ssl=_context(pair) if begins == HANDSHAKE else None,
        )


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def _way(to: int) -> Way:
    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to)
            await asyncio.gather(
                _pass(reader, inner_writer), _pass(inner_reader, writer)
            )
        writer.close()

    return enter


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    finally:
        target.close()
