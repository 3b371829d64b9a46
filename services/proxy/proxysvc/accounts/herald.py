"""News about credentials: told to every worker, and heard from every worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.auth import Authenticator
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.postgres import system_session
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.redis import keys
from qbrixstore.redis.changes import Change

logger = get_logger(__name__)

BATCH: Final = 100
RETRY_SEC: Final = 0.25


class Announcements(Protocol):
    """What is needed of the changes in Redis."""

    async def announce(self, topic: str, pairs: list[Change]) -> None: ...

    def listen(self, topic: str) -> AsyncIterator[Change | None]: ...


class Herald:
    """Tells what has been committed; the relay tells what a crash left untold."""

    def __init__(
        self,
        engine: AsyncEngine,
        announcements: Announcements,
        authenticator: Authenticator,
    ) -> None:
        self._engine = engine
        self._announcements = announcements
        self._authenticator = authenticator

    async def tell(self, tenant_id: str, user_id: str = "") -> None:
        """This worker knows at once, the others when Redis passes it on.

        Never raises: the change has been made, and the relay will tell of it.
        """
        self._authenticator.changed(tenant_id, user_id)
        try:
            await self._announcements.announce(keys.CREDENTIALS, [(tenant_id, user_id)])
        except Unavailable as error:
            logger.warning("the relay has to tell of a change: %s", error)

    async def relay_batch(self) -> bool:
        """Tell the oldest untold news; whether there may be more.

        Raises Unavailable, and leaves the news then.
        """
        async with system_session(self._engine) as session:
            news = NewsOfCredentials(session)
            entries = await news.claim(BATCH)
            if entries:
                pairs = {(entry.tenant_id, entry.user_id or "") for entry in entries}
                await self._announcements.announce(keys.CREDENTIALS, sorted(pairs))
                await news.done([entry.id for entry in entries])
        return len(entries) == BATCH

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Pass on what others tell, for as long as the block runs."""
        async with (
            background(self._listen(), "following credentials"),
            background(self._authenticator.catch_up(), "checking credentials"),
        ):
            yield

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception:
                logger.exception("cannot follow changes of credentials")
            await asyncio.sleep(RETRY_SEC)

    async def _listen_once(self) -> None:
        async for change in self._announcements.listen(keys.CREDENTIALS):
            if change is None:
                self._authenticator.missed()
            else:
                self._authenticator.changed(*change)
