"""Redis Cluster: each command to the node that holds its slot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import Final

from redis.crc import key_slot
from redis.exceptions import AskError
from redis.exceptions import ClusterDownError
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import MovedError
from redis.exceptions import TimeoutError as TooSlow
from redis.exceptions import TryAgainError

from qbrixstore.redis import keys
from qbrixstore.redis.command import Command
from qbrixstore.redis.config import Address
from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.pools import commander
from qbrixstore.redis.pools import pool
from qbrixstore.redis.slots import SlotMap

REDIRECTS: Final = 8
PAUSE_SEC: Final = 0.02
# a call that was given up says as much of its node as one that failed
_FAILED: Final = (
    LostConnection,
    TooSlow,
    ClusterDownError,
    OSError,
    asyncio.CancelledError,
)
_REFUSED: Final = (AskError, TryAgainError)


class Cluster:
    """By a pool of connections to each node.

    A command that a node refuses because its slot is elsewhere, which it has not done
    then, is sent there. One whose node fails is not sent again; where its slot is now
    is asked behind the requests.
    """

    def __init__(self, settings: RedisSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._nodes: dict[Address, Any] = {}
        self._map = SlotMap(settings.addresses, self._node, limits.connect)

    async def execute(self, *command: Any) -> Any:
        """The reply of one command. Raises redis errors."""
        address = await self._place(command)
        for _ in range(REDIRECTS):
            try:
                return await self._node(address).execute_command(*command)
            except MovedError as moved:
                address = self._map.move(moved, address)
            except AskError as ask:
                asked = await self._ask(ask, address, command)
                if not isinstance(asked, TryAgainError):
                    return asked
            except TryAgainError:
                await asyncio.sleep(PAUSE_SEC)
            except _FAILED:
                self._map.refresh()
                raise
        raise LostConnection("a slot is on its way between nodes")

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Replies of commands sent together to each node, not atomically."""
        rows: dict[Address, list[int]] = {}
        for row, command in enumerate(commands):
            rows.setdefault(await self._place(command), []).append(row)
        parts = await asyncio.gather(
            *(
                self._part(address, [commands[row] for row in some])
                for address, some in rows.items()
            ),
            return_exceptions=True,
        )
        replies: list[Any] = [None] * len(commands)
        for some, part in zip(rows.values(), parts, strict=True):
            if isinstance(part, BaseException):
                raise part
            for row, reply in zip(some, part, strict=True):
                replies[row] = reply
        return replies

    def pubsub(self) -> Any:
        """What subscribes to channels: at any node, for all pass messages on."""
        return self._node(self._map.any()).pubsub()

    async def close(self) -> None:
        """Close all connections."""
        await self._map.close()
        for node in self._nodes.values():
            await node.aclose()
            await node.connection_pool.disconnect()

    async def _part(self, address: Address, commands: Sequence[Command]) -> list[Any]:
        replies = await self._send(address, commands)
        for row, reply in enumerate(replies):
            if isinstance(reply, MovedError):
                self._map.move(reply, address)
            if isinstance(reply, _REFUSED):
                replies[row] = await self.execute(*commands[row])
            elif isinstance(reply, Exception):
                raise reply
        return replies

    async def _ask(self, ask: AskError, of: Address, command: Command) -> Any:
        address = Address(ask.host or of.host, ask.port)
        _, reply = await self._send(address, [("ASKING",), command])
        if isinstance(reply, TryAgainError):
            await asyncio.sleep(PAUSE_SEC)
        elif isinstance(reply, Exception):
            raise reply
        return reply

    async def _send(self, address: Address, commands: Sequence[Command]) -> list[Any]:
        try:
            async with self._node(address).pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
        except _FAILED:
            self._map.refresh()
            raise
        if any(isinstance(reply, ClusterDownError) for reply in replies):
            self._map.refresh()
        return replies

    async def _place(self, command: Command) -> Address:
        name = next(_names(command), None)
        if name is None:
            return self._map.any()
        return await self._map.find(key_slot(name.encode()))

    def _node(self, address: Address) -> Any:
        node = self._nodes.get(address)
        if node is None:
            host, port = address
            connections = pool(self._settings, self._limits, host=host, port=port)
            node = self._nodes[address] = commander(connections)
        return node


def _names(command: Command) -> Iterator[str]:
    """The keys of a command, as far as they are ours."""
    for part in command:
        if isinstance(part, str) and part.startswith(keys.ROOT):
            yield part
