"""Redis Sentinel: where the server is that everybody writes to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from qbrixstore.redis.config import Address
from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.pools import commander
from qbrixstore.redis.pools import pool


class _Answer(NamedTuple):
    epoch: int
    address: Address


class Sentinels:
    """Asks all sentinels at once, and believes the newest answer of a majority.

    One that was cut off from the others would name the old master for ever, and one
    that is frozen would be waited for.
    """

    def __init__(self, settings: RedisSettings, limits: Limits) -> None:
        self._name = settings.master
        self._patience = limits.connect / 2
        self._sentinels = [
            commander(
                pool(
                    settings,
                    limits,
                    host=address.host,
                    port=address.port,
                    username=None,
                    password=settings.sentinel_password,
                )
            )
            for address in settings.addresses
        ]

    async def master(self) -> Address:
        """Where the master is. Raises redis's ConnectionError when none knows it."""
        asked = [asyncio.ensure_future(self._ask(one)) for one in self._sentinels]
        try:
            return await self._newest(asked)
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections."""
        for one in self._sentinels:
            await one.aclose()
            await one.connection_pool.disconnect()

    async def _newest(self, asked: Sequence[asyncio.Future[_Answer | None]]) -> Address:
        answers: list[_Answer] = []
        for one in asyncio.as_completed(asked):
            answer = await one
            if answer is not None:
                answers.append(answer)
            if len(answers) > len(asked) // 2:
                break
        if not answers:
            raise LostConnection(f"no sentinel knows the master {self._name}")
        return max(answers).address

    async def _ask(self, sentinel: Any) -> _Answer | None:
        try:
            async with asyncio.timeout(self._patience):
                reply = await sentinel.execute_command("SENTINEL", "MASTER", self._name)
        except (RedisError, OSError, TimeoutError):
            return None
        held = dict(zip(reply[::2], reply[1::2], strict=True))
        address = Address(held[b"ip"].decode(), int(held[b"port"]))
        return _Answer(int(held[b"config-epoch"]), address)
