"""The hot path as an RSGI application."""

from __future__ import annotations

from typing import Final

from proxysvc.fast.answers import Field
from proxysvc.fast.app import FastPath
from proxysvc.fast.body import Disconnected
from proxysvc.fast.body import Fields
from proxysvc.fast.body import Room
from proxysvc.fast.body import announced
from proxysvc.fast.body import collect
from proxysvc.rsgi import Asked
from proxysvc.rsgi import Closed
from proxysvc.rsgi import Protocol
from proxysvc.rsgi import RSGIApp
from proxysvc.rsgi import parts

# bytes of a body whose parts take no room: those of all connections that there may
# be are as much as there is room for
AT_ONCE: Final = 4 << 10


def directly(fast: FastPath, inner: RSGIApp, *more: Field) -> RSGIApp:
    """What ``fast`` answers, with these header fields too, and ``inner`` for the rest.

    What comes from a page of another origin is also for ``inner``.
    """
    paths = fast.routes

    async def app(asked: Asked, protocol: Protocol) -> None:
        path, method, fields = asked.path, asked.method, asked.headers
        if path not in paths or method == "OPTIONS" or (more and "origin" in fields):
            await inner(asked, protocol)
            return
        status, body, given = await fast.answer(
            path, method, fields, read_body, protocol
        )
        protocol.response_bytes(status, [*given, *more], body)

    return app


async def read_body(protocol: Protocol, fields: Fields, room: Room) -> bytes:
    """The whole body. Raises TooLarge, Disconnected, Overloaded."""
    expected = announced(fields)
    if not 0 <= expected <= AT_ONCE:
        return await collect(parts(protocol, fields), expected, room)
    try:
        return await protocol()
    except Closed:
        raise Disconnected from None
