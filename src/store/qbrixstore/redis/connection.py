"""Connections: with writes that can be cancelled, over TLS, to whoever is master."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Connection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as TooSlow


class CancellableConnection(Connection):
    """Bounds a write by ``asyncio.timeout``.

    The library uses ``asyncio.wait_for``, which in Python 3.11 loses a cancellation
    that arrives when the write has just ended, so that a task told to stop goes on. It
    also starts a task for every command.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Write a packed command. Raises redis errors like the original."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        if isinstance(command, str):
            command = command.encode()
        writer = self._writer
        if writer is None:
            raise LostConnection("Connection closed before the write")
        try:
            writer.writelines([command] if isinstance(command, bytes) else command)
            async with asyncio.timeout(self.socket_timeout):
                await writer.drain()
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise TooSlow("Timeout writing to socket") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise LostConnection(f"Error while writing to socket. {error}") from error
        except BaseException:
            # what is half written cannot be taken back
            await self.disconnect(nowait=True)
            raise


class TlsConnection(CancellableConnection):
    """The same over TLS, all connections with one context; over TCP without one."""

    def __init__(self, *, tls: ssl.SSLContext | None, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._tls}


class MasterConnection(TlsConnection):
    """Asks where the master is each time it connects, and leaves a demoted one."""

    def __init__(
        self, *, find: Callable[[], Awaitable[tuple[str, int]]], **options: Any
    ) -> None:
        super().__init__(**options)
        self._find = find

    async def _connect(self) -> None:
        self.host, self.port = await self._find()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Introduce itself; to a master only, for it may have been found too early."""
        await super().on_connect_check_health(check_health)
        await self.send_command("ROLE", check_health=False)
        role = await self.read_response()
        if role[0] != b"master":
            raise LostConnection("what was the master is none")

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """The next reply. Raises redis errors like the original."""
        try:
            return await super().read_response(*arguments, **options)
        except ReadOnlyError:
            await self.disconnect(nowait=True)
            raise
