"""Recording selections and rewards: behind the training, before the log is trimmed.

What is in the streams and committed is written to the decision log, then trimmed. A
crash in between writes the same rows again, which changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Sequence
from datetime import date
from datetime import timedelta
from typing import Any
from typing import Final
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from cortexsvc import pacing
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import REWARDS
from qbrixstore.postgres.decisions import SELECTIONS
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.postgres.decisions import Place
from qbrixstore.postgres.decisions import day_of
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.batch import order
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.choices import decode_choices
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch
from qbrixstore.redis.tail import Tail

logger = get_logger(__name__)

IDLE_SEC: Final = 0.5
LONGEST_NAMES: Final = 64  # characters of tenant and experiment

Rows = list[tuple[Any, ...]]


class Chronicle(Protocol):
    """Where decisions are recorded for good; the same rows again change nothing."""

    async def record(self, table: str, rows: Rows) -> None:
        """Raises Unavailable."""


class PostgresChronicle:
    """The tables in Postgres, of which so many days are kept, 0 for all."""

    def __init__(self, engine: AsyncEngine, days: int) -> None:
        self._engine = engine
        self._kept = timedelta(days=days)
        self._open: set[date] = set()

    async def record(self, table: str, rows: Rows) -> None:
        """Raises Unavailable."""
        try:
            await self._write(table, rows, {row[1] for row in rows})
        except BaseException:
            # a partition may be gone
            self._open.clear()
            raise

    async def _write(self, table: str, rows: Rows, days: set[date]) -> None:
        async with system_session(self._engine) as session:
            log = DecisionLog(session)
            if not days <= self._open:
                await log.open_days(days)
            await log.write(table, rows)
        if not days <= self._open:
            await self._forget(max(days))
        self._open |= days

    async def _forget(self, today: date) -> None:
        if not self._kept:
            return
        async with system_session(self._engine) as session:
            dropped = await DecisionLog(session).drop_before(today - self._kept)
        if dropped:
            logger.info("dropped %s", ", ".join(dropped))


class Recorder:
    """Keeps the decision log of one shard level, for whoever owns the shard."""

    def __init__(
        self, client: RedisClient, layout: Layout, shard: int, chronicle: Chronicle
    ) -> None:
        self._source = f"{layout.mark}.{shard}"
        self._log = Tail.of_log(client, layout, shard)
        self._choices = Tail.of_choices(client, layout, shard)
        self._chronicle = chronicle

    async def run(self, consumer: RedisStreamConsumer) -> None:
        """Follow what the consumer has committed, until cancelled."""
        backoff = pacing.Backoff(asyncio.Event())
        while True:
            try:
                if not await self.step(consumer):
                    await asyncio.sleep(IDLE_SEC)
                backoff.reset()
            except (Fenced, LayoutMismatch):
                # the trainer is told so too, and decides
                await backoff.pause()
            except Unavailable as error:
                logger.warning("decisions wait to be recorded: %s", error)
                await backoff.pause()
            except Exception:
                logger.exception("decisions wait to be recorded")
                await backoff.pause()

    async def step(self, consumer: RedisStreamConsumer) -> bool:
        """Whether there was anything to record. Raises Unavailable."""
        fence = consumer.fence
        rewards = await self._log.read(consumer.position)
        await self._record(self._log, REWARDS, _rewards, rewards, fence)
        choices = await self._choices.read()
        await self._record(self._choices, SELECTIONS, _selections, choices, fence)
        return bool(rewards or choices)

    async def _record(
        self,
        tail: Tail,
        table: str,
        rows_of: Callable[[str, Sequence[Entry]], Rows],
        entries: list[Entry],
        fence: int,
    ) -> None:
        if not entries:
            return
        rows = await asyncio.to_thread(rows_of, self._source, entries)
        if rows:
            await self._chronicle.record(table, rows)
        await tail.trim(entries, fence)


def _rewards(source: str, entries: Sequence[Entry]) -> Rows:
    rows: Rows = []
    for entry in entries:
        for place, event in enumerate(decode_many(entry.events)):
            # what is undecodable is a dead letter, and a control event no reward
            if isinstance(event, FeedbackEvent) and _fits(event):
                rows.append(
                    (
                        *_place(source, entry, place, event.experiment),
                        event.tenant,
                        _token(event.issuer, event.sequence),
                        event.generation,
                        event.arm,
                        event.propensity,
                        event.vector,
                        event.issued_ms,
                        event.reward,
                        event.received_ms,
                    )
                )
    return rows


def _selections(source: str, entries: Sequence[Entry]) -> Rows:
    rows: Rows = []
    for entry in entries:
        for place, event in enumerate(decode_choices(entry.events)):
            if event is not None and _fits(event):
                rows.append(
                    (
                        *_place(source, entry, place, event.experiment),
                        event.tenant,
                        _token(event.issuer, event.sequence),
                        event.generation,
                        event.arm,
                        event.propensity,
                        event.vector,
                        event.issued_ms,
                        event.version,
                        event.context_id,
                    )
                )
    return rows


def _fits(event: FeedbackEvent | ChoiceEvent) -> bool:
    """Whether postgres can hold it; what a proxy writes it can."""
    names = event.tenant + event.experiment
    largest = max(event.generation, event.issued_ms, event.sequence, event.arm << 32)
    return largest < 2**63 and len(names) <= LONGEST_NAMES and "\0" not in names


def _place(source: str, entry: Entry, place: int, experiment: str) -> Place:
    ms, number = order(entry.id)
    return Place(experiment, day_of(ms), source, ms, number, place)


def _token(issuer: int, sequence: int) -> str:
    return f"{issuer:016x}-{sequence:x}"
