"""The outbox relay: it does what a crash left undone between Postgres and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.publishing import Publishing
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Invalid
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.postgres import system_session
from qbrixstore.postgres.leadership import leadership
from qbrixstore.postgres.leadership import still_leads
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.records import OutboxEntry

logger = get_logger(__name__)

BATCH: Final = 100
POLL_SEC: Final = 1.0
STANDBY_SEC: Final = 3.0
RETRY_SEC: Final = 1.0

RelayBatch = Callable[[], Awaitable[bool]]


class Relay:
    """One leader among all workers empties the outbox.

    A row says only which experiment changed, so rows may be relayed twice or late.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publishing: Publishing,
        beside: Sequence[RelayBatch] = (),
    ) -> None:
        """``beside`` is what else the leader relays, as ``relay_batch`` does."""
        self._engine = engine
        self._publishing = publishing
        self._batches = (self.relay_batch, *beside)
        self._woken = asyncio.Event()
        self._passed = 0

    def wake(self) -> None:
        """Look at the outbox now, if this worker leads."""
        self._woken.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relay in the background for as long as the block runs."""
        async with background(self._run(), "the outbox relay"):
            yield

    async def _run(self) -> None:
        while True:
            try:
                async with leadership(self._engine) as connection:
                    if connection is not None:
                        await self._lead(connection)
                await asyncio.sleep(STANDBY_SEC)
            except Unavailable as error:
                logger.warning("the outbox relay pauses: %s", error)
                await asyncio.sleep(RETRY_SEC)
            except Exception:
                logger.exception("the outbox relay failed")
                await asyncio.sleep(STANDBY_SEC)

    async def _lead(self, connection: AsyncConnection) -> None:
        logger.info("relaying the outbox")
        while await still_leads(connection):
            try:
                more = [await batch() for batch in self._batches]
            except Unavailable as error:
                logger.warning("the outbox waits: %s", error)
                await asyncio.sleep(RETRY_SEC)
                continue
            if not any(more):
                await self._rest()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SEC):
                await self._woken.wait()
        self._woken.clear()

    async def relay_batch(self) -> bool:
        """Relay the oldest rows; whether there may be more of them to do.

        Raises Unavailable, and leaves the rows then.
        """
        async with system_session(self._engine) as session:
            outbox = Outbox(session)
            entries = await outbox.claim(BATCH, self._passed)
            done: list[int] = []
            for key, same in _by_experiment(entries).items():
                if await self._relay(outbox, *key, same):
                    done.extend(entry.id for entry in same)
            await outbox.done(done)
        more = len(entries) == BATCH
        # rows that stay must not keep newer ones from their turn
        self._passed = entries[-1].id if more else 0
        return more

    async def _relay(
        self, outbox: Outbox, tenant: str, experiment: str, rows: Sequence[OutboxEntry]
    ) -> bool:
        try:
            definition = await outbox.current(tenant, experiment)
            if definition is None:
                version = max(row.version for row in rows)
                await self._publishing.withdraw(tenant, experiment, version)
            else:
                await self._publishing.publish(definition)
        except (Invalid, CorruptState) as error:
            # written by a newer build: one of its workers will understand it
            logger.error("cannot relay experiment %s: %s", experiment, error)
            return False
        return True


def _by_experiment(
    entries: Sequence[OutboxEntry],
) -> dict[tuple[str, str], list[OutboxEntry]]:
    grouped: dict[tuple[str, str], list[OutboxEntry]] = {}
    for entry in entries:
        key = (entry.tenant_id, entry.experiment_id)
        grouped.setdefault(key, []).append(entry)
    return grouped
