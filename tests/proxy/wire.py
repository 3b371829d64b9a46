"""One HTTP connection to a proxy process, byte by byte."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.proxy.people import Person
from tests.proxy.processes import ProxyProcess


class Wire:
    """One connection, byte by byte."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, proxy: ProxyProcess) -> Wire:
        host, port = proxy.url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the next answer."""
        async with asyncio.timeout(30):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            length = int(headers.get("content-length", "0"))
            body = await self._reader.readexactly(length)
        return int(first.split()[1]), headers, json.loads(body or b"null")

    async def ended(self) -> bool:
        async with asyncio.timeout(30):
            return await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


def head(person: Person, path: str, length: int) -> bytes:
    key = "".join(f"{name}: {value}\r\n" for name, value in person.headers.items())
    first = f"POST {path} HTTP/1.1\r\nhost: x\r\n"
    return f"{first}{key}content-length: {length}\r\n\r\n".encode()
