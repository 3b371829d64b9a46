"""Which node of a Redis Cluster holds which slot."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from typing import Final

from redis.crc import REDIS_CLUSTER_HASH_SLOTS
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import MovedError
from redis.exceptions import RedisError

from qbrixstore.redis.config import Address

APART_SEC: Final = 0.1


class SlotMap:
    """As the nodes tell it; read anew, behind the requests, when it proves wrong.

    All known nodes are asked at once and the first answer counts: one that is frozen
    is not waited for, and one that is not up to date is corrected by a redirection.
    """

    def __init__(
        self,
        seeds: Sequence[Address],
        node: Callable[[Address], Any],
        patience_sec: float,
    ) -> None:
        self._seeds = tuple(seeds)
        self._known: set[Address] = set(seeds)
        self._masters: list[Address] = list(seeds)
        self._slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._node = node
        self._patience_sec = patience_sec
        self._reading: asyncio.Task[None] | None = None
        self._read_at = -math.inf

    def any(self) -> Address:
        """Some node that takes commands without keys."""
        return random.choice(self._masters)

    async def find(self, slot: int) -> Address:
        """The node of a slot. Raises redis's ConnectionError when none holds it."""
        address = self._slots[slot]
        if address is None:
            reading = self.refresh()
            if reading is not None:
                await asyncio.shield(reading)
            address = self._slots[slot]
        if address is None:
            raise LostConnection(f"no node that answers holds slot {slot}")
        return address

    def move(self, moved: MovedError, told_by: Address) -> Address:
        """The node that a redirection names; it holds that slot from here on."""
        address = Address(moved.host or told_by.host, moved.port)
        self._slots[moved.slot_id] = address
        self.refresh()
        return address

    def refresh(self) -> asyncio.Task[None] | None:
        """Read it in the background; None if that was done a moment ago."""
        if self._reading is None or self._reading.done():
            if asyncio.get_running_loop().time() - self._read_at < APART_SEC:
                return None
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self) -> None:
        asked = [asyncio.create_task(self._ask(one)) for one in self._known]
        try:
            for one in asyncio.as_completed(asked):
                ranges = await one
                if ranges:
                    self._take(ranges)
                    break
        finally:
            self._read_at = asyncio.get_running_loop().time()
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _ask(self, address: Address) -> list[tuple[int, int, list[Address]]]:
        try:
            async with asyncio.timeout(self._patience_sec):
                reply = await self._node(address).execute_command("CLUSTER", "SLOTS")
        except (RedisError, OSError, TimeoutError):
            return []
        return [
            (first, last, [_address(node, address) for node in nodes])
            for first, last, *nodes in reply
        ]

    def _take(self, ranges: Sequence[tuple[int, int, list[Address]]]) -> None:
        slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (master, *_) in ranges:
            slots[first : last + 1] = [master] * (last + 1 - first)
        self._slots = slots
        self._masters = sorted({nodes[0] for _, _, nodes in ranges})
        known = {node for _, _, nodes in ranges for node in nodes}
        self._known = known | set(self._seeds)


def _address(node: Sequence[Any], told_by: Address) -> Address:
    # a node that does not know its own host is where it was asked
    return Address((node[0] or b"").decode() or told_by.host, int(node[1]))
