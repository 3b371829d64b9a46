"""Keeping params in Postgres: at intervals, at the end, before they are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import chain
from typing import Final
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from cortexsvc import pacing
from cortexsvc.sorting import Key
from cortexsvc.states import Held
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Unavailable
from qbrixcore.param import codec
from qbrixlog import get_logger
from qbrixstore.postgres import system_session
from qbrixstore.postgres.snapshots import Snapshot
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.redis.params import RedisParamBackend

logger = get_logger(__name__)

BYTES_HELD: Final = 64 * 2**20
BYTES_A_WRITE: Final = 8 * 2**20
ROWS_A_WRITE: Final = 200


class Archive(Protocol):
    """Where snapshots are kept for good."""

    async def keep(self, snapshots: Sequence[Snapshot]) -> None:
        """Raises Unavailable."""

    async def find(self, tenant: str, experiment: str, version: int) -> bytes | None:
        """The params at a version, None if it is not kept. Raises Unavailable."""


class PostgresArchive:
    """The snapshots in Postgres, the last so many of each experiment."""

    def __init__(self, engine: AsyncEngine, last: int) -> None:
        self._engine = engine
        self._last = last

    async def keep(self, snapshots: Sequence[Snapshot]) -> None:
        """Raises Unavailable."""
        async with system_session(self._engine) as session:
            await Snapshots(session).keep(snapshots, self._last)

    async def find(self, tenant: str, experiment: str, version: int) -> bytes | None:
        """The params at a version, None if it is not kept. Raises Unavailable."""
        async with system_session(self._engine) as session:
            return await Snapshots(session).find(tenant, experiment, version)


class _Due(msgspec.Struct):
    """What was committed since the last snapshot; the state unless it is too large."""

    held: Held | None
    learned: int


class Keeper:
    """Knows which params Postgres does not have yet."""

    def __init__(self, archive: Archive, interval_sec: float) -> None:
        self._archive = archive
        self._interval_sec = interval_sec
        self._due: dict[Key, _Due] = {}
        self._size = 0

    @property
    def waiting(self) -> bool:
        """Whether anything is due."""
        return bool(self._due)

    def holds(self, key: Key) -> bool:
        """Whether Postgres has no current params of an experiment."""
        return key in self._due

    @property
    def due(self) -> int:
        """How many experiments Postgres has no current params of."""
        return len(self._due)

    def note(self, key: Key, held: Held, learned: int) -> None:
        """A state was committed that has learned so many more rewards."""
        old = self._due.pop(key, None)
        if old is not None:
            learned += old.learned
            self._size -= old.held.size if old.held else 0
        fits = self._size + held.size <= BYTES_HELD
        self._size += held.size if fits else 0
        self._due[key] = _Due(held if fits else None, learned)

    async def run(self, params: RedisParamBackend, stop: asyncio.Event) -> None:
        """Write at every interval until told to stop, and once more then."""
        while not await pacing.wait(stop, self._interval_sec):
            await self.write(params)

    async def write(self, params: RedisParamBackend | None) -> int:
        """Write what is due, except what only a lost store had.

        Without ``params`` only what is in memory is there to be written. Returns how
        many rewards were learned that neither has. What Postgres does not take now
        stays due.
        """
        due, self._due, self._size = self._due, {}, 0
        chunks = list(_chunks(due))
        lost = 0
        try:
            while chunks:
                lost += await self._write(chunks[-1], due, params)
                chunks.pop()
        finally:
            # what it is cancelled at is due all the same
            for key in chain.from_iterable(chunks):
                self._again(key, due[key])
        return lost

    async def _write(
        self,
        keys: Sequence[Key],
        due: dict[Key, _Due],
        params: RedisParamBackend | None,
    ) -> int:
        try:
            found = await self._snapshots(keys, due, params)
            await self._archive.keep(list(found.values()))
        except Unavailable as error:
            logger.warning("%d snapshots have to wait: %s", len(keys), error)
            for key in keys:
                self._again(key, due[key])
            return 0
        return sum(due[key].learned for key in keys if key not in found)

    async def set_aside(self, key: Key, held: codec.Stored) -> None:
        """Keep a state that is about to be replaced, if Postgres takes it."""
        try:
            await self._archive.keep([_snapshot(key, codec.encode(held))])
        except Unavailable as error:
            logger.warning("experiment %s cannot be rolled back: %s", key[1], error)

    async def find(self, key: Key, version: int) -> codec.Stored | str:
        """A kept state, or why there is none. Raises Unavailable."""
        data = await self._archive.find(*key, version)
        if data is None:
            return "it is not kept"
        try:
            return codec.decode(data)
        except CorruptState as error:
            return str(error)

    async def _snapshots(
        self,
        keys: Sequence[Key],
        due: dict[Key, _Due],
        params: RedisParamBackend | None,
    ) -> dict[Key, Snapshot]:
        found = {}
        missing = []
        for key in keys:
            held = due[key].held
            if held is None:
                missing.append(key)
            else:
                found[key] = _snapshot(key, codec.encode(held.stored))
        if params is not None and missing:
            encoded = await params.get_many(missing)
            for key, data in zip(missing, encoded, strict=True):
                if data is not None:
                    found[key] = _snapshot(key, data)
        return found

    def _again(self, key: Key, due: _Due) -> None:
        newer = self._due.get(key)
        if newer is not None:
            newer.learned += due.learned
        elif due.held is not None:
            self.note(key, due.held, due.learned)
        else:
            self._due[key] = due


def _snapshot(key: Key, state: bytes) -> Snapshot:
    header = codec.decode_header(state)
    return Snapshot(
        tenant=key[0],
        experiment=key[1],
        version=header.version,
        generation=header.generation,
        updates=header.updates,
        learned_through_ms=header.learned_through_ms,
        state=state,
    )


def _chunks(due: dict[Key, _Due]) -> Iterator[list[Key]]:
    chunk: list[Key] = []
    size = 0
    for key, one in due.items():
        chunk.append(key)
        # a state too large to be held is written alone
        size += one.held.size if one.held else BYTES_A_WRITE
        if size >= BYTES_A_WRITE or len(chunk) == ROWS_A_WRITE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
