"""Connections that are opened again when they are lost."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType

from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply


class Line:
    """One connection at a time; use as an async context manager."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._stack = AsyncExitStack()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Line:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._hang_up()

    async def post(self, path: bytes, body: bytes) -> Reply | None:
        """The answer, None if there came none."""
        try:
            if self._connection is not None and self._connection.ended:
                # as clients do before they use a connection again
                await self._hang_up()
            if self._connection is None:
                made = Connection(self._url, self._key)
                self._connection = await self._stack.enter_async_context(made)
            return await self._connection.post(path, body)
        except (OSError, DemoError, ValueError):
            await self._hang_up()
            return None

    async def _hang_up(self) -> None:
        self._connection = None
        await self._stack.aclose()
