"""The connection to Redis: raw replies, short timeouts, core errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import contextmanager
from contextlib import suppress
from hashlib import sha1
from importlib.resources import files
from types import TracebackType
from typing import Any
from typing import Final
from typing import Self

from redis.exceptions import NoScriptError
from redis.exceptions import RedisError
from redis.exceptions import ResponseError

from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixstore.redis.access import access
from qbrixstore.redis.command import Argument as Argument
from qbrixstore.redis.command import Command as Command
from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.refusals import REFUSALS

_DEFAULTS: Final = Limits()


class Script:
    """A Lua script of this package, known to the server by its digest."""

    def __init__(self, name: str) -> None:
        source = files("qbrixstore.redis").joinpath("lua", f"{name}.lua")
        self.text = source.read_text()
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class RedisClient:
    """One store, however it is reached. Nothing is done twice: only the caller retries.

    Every failure, including a server that stays silent, is Unavailable.
    """

    def __init__(self, settings: RedisSettings, limits: Limits = _DEFAULTS) -> None:
        self.limits = limits
        self._access = access(settings, limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def execute(self, *command: Argument) -> Any:
        """Reply of one command. Raises Unavailable."""
        async with self._call():
            return await self._access.execute(*command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Replies of commands sent together, not atomically. Raises Unavailable."""
        if not commands:
            return []
        async with self._call():
            return await self._access.pipeline(commands)

    async def call(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument]
    ) -> Any:
        """Reply of a script, which loads itself where it is not known yet.

        Raises Unavailable, or the error by which the script refused.
        """
        async with self._call():
            try:
                return await self._access.execute(
                    "EVALSHA", script.sha, len(keys), *keys, *args
                )
            except NoScriptError:
                return await self._access.execute(
                    "EVAL", script.text, len(keys), *keys, *args
                )

    @asynccontextmanager
    async def subscribe(self, channels: Sequence[str]) -> AsyncIterator[Subscription]:
        """A confirmed subscription. Raises Unavailable when the connection is lost."""
        pubsub = self._access.pubsub()
        try:
            async with self._call():
                await pubsub.subscribe(*channels)
            subscription = Subscription(pubsub)
            await subscription.confirmed(len(channels), self.limits.reply)
            yield subscription
        finally:
            # what ended the subscription is the news, not how closing it went
            with suppress(Unavailable):
                async with self._call():
                    await pubsub.aclose()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        with _translated():
            async with asyncio.timeout(self.limits.reply):
                yield

    async def ping(self) -> None:
        """Returns when the server answers. Raises Unavailable."""
        await self.execute("PING")

    async def close(self) -> None:
        await self._access.close()


class Subscription:
    """Messages of the channels subscribed to, until the connection is lost."""

    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub

    async def confirmed(self, channels: int, timeout_sec: float) -> None:
        """Returns when all are subscribed to. Raises Unavailable."""
        for _ in range(channels):
            with _translated():
                message = await self._pubsub.get_message(timeout=timeout_sec)
            if message is None:
                raise Unavailable("redis did not confirm a subscription")

    async def next(self, timeout_sec: float) -> tuple[str, bytes] | None:
        """Channel and payload of the next message, None after the timeout."""
        with _translated():
            message = await self._pubsub.get_message(timeout=max(timeout_sec, 0.001))
        if message is None or message["type"] != "message":
            return None
        return message["channel"].decode(), message["data"]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise _refusal(error) from error
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"redis did not answer ({type(error).__name__})") from error


def _refusal(error: ResponseError) -> QbrixError:
    word, _, rest = str(error).partition(" ")
    if word in REFUSALS:
        return REFUSALS[word](rest or None)
    return Unavailable(f"redis refused: {error}")
