"""Experiments as the selection path reads them: from memory, kept level with Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Final
from typing import Protocol

import msgspec
from cachebox import LRUCache
from cachebox import TTLCache

from proxysvc.flight import SingleFlight
from proxysvc.gates.compiled import CompiledGate
from proxysvc.gates.compiled import compile_gate
from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Invalid
from qbrixcore.errors import QbrixError
from qbrixcore.param.hyper import Hyper
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.spec import RewardRange
from qbrixcore.schema import ContextSchema
from qbrixlog import get_logger
from qbrixserving.background import background

logger = get_logger(__name__)

RELOADS: Final = 16  # definitions read at once after a gap in the changes
RETRY_SEC: Final = 0.25

Key = tuple[str, str]  # tenant, experiment


class DefinitionSource(Protocol):
    """What the cache needs of the store."""

    async def get(self, tenant: str, experiment: str) -> Definition | None: ...


class ChangeSource(Protocol):
    """Tells which definitions changed; None means that any may have."""

    def listen(self, topic: str) -> AsyncIterator[Key | None]: ...


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A definition with everything that a request needs already worked out."""

    definition: Definition
    spec: PolicySpec
    hyper: Hyper
    schema: ContextSchema | None
    dim: int
    rewards: RewardRange
    gate: CompiledGate | None = None

    @classmethod
    def of(cls, definition: Definition) -> Entry:
        """Raises CorruptState when this build cannot run the definition."""
        schema = definition.schema
        try:
            spec = find_spec(definition.policy)
            hyper = msgspec.convert(definition.hyper, spec.hyper)
            return cls(
                definition=definition,
                spec=spec,
                hyper=hyper,
                schema=None if schema is None else ContextSchema.parse(schema),
                dim=definition.dim,
                rewards=spec.rewards_of(hyper),
                gate=compile_gate(definition),
            )
        except (Invalid, msgspec.ValidationError) as error:
            raise CorruptState(
                f"cannot run experiment {definition.experiment}: {error}"
            ) from error


class DefinitionCache:
    """Definitions by tenant and experiment; a warm one needs no store.

    Changes are followed in the background (``following``): a changed definition is
    read again at once, and after a gap in the messages every one is.
    """

    def __init__(
        self,
        source: DefinitionSource,
        *,
        maxsize: int = 20_000,
        missing_for: float = 1.0,
    ) -> None:
        self._source = source
        self._entries: LRUCache[Key, Entry] = LRUCache(maxsize)
        self._missing: TTLCache[Key, bool] = TTLCache(maxsize, missing_for)
        self._flight: SingleFlight[Key, Entry] = SingleFlight()
        self._changed: set[Key] = set()
        self._reading: set[Key] = set()
        self.misses = 0  # calls that could not be answered from memory

    def __len__(self) -> int:
        return len(self._entries)

    def get_cached(self, tenant: str, experiment: str) -> Entry | None:
        """The entry if it is warm; never waits."""
        return self._entries.get((tenant, experiment))

    def held(self) -> list[Definition]:
        """Every definition that is warm."""
        return [entry.definition for entry in self._entries.values()]

    async def load(self, tenant: str, experiment: str) -> Entry:
        """The entry, read from the store if need be.

        Raises ExperimentNotFound, Unavailable.
        """
        key = (tenant, experiment)
        entry = self._entries.get(key)
        if entry is not None:
            return entry
        self.misses += 1
        if key in self._missing:
            raise _not_found(experiment)
        return await self._flight.run(key, lambda: self._read(key))

    async def reload(self, tenant: str, experiment: str) -> Entry:
        """The entry as the store has it now.

        Raises ExperimentNotFound, Unavailable.
        """
        key = (tenant, experiment)
        if key in self._reading:
            self._changed.add(key)
        return await self._flight.run(key, lambda: self._read(key))

    @asynccontextmanager
    async def following(self, changes: ChangeSource) -> AsyncIterator[None]:
        """Keep the entries level with the store for as long as the block runs."""
        try:
            async with background(self._follow(changes), "following definitions"):
                yield
        finally:
            await self._flight.close()

    async def _follow(self, changes: ChangeSource) -> None:
        while True:
            try:
                await self._follow_once(changes)
            except Exception:
                logger.exception("cannot follow changes of definitions")
            await asyncio.sleep(RETRY_SEC)

    async def _follow_once(self, changes: ChangeSource) -> None:
        async for key in changes.listen("definitions"):
            if key is None:
                await self._refresh_all()
            else:
                self.refresh(*key)

    def refresh(self, tenant: str, experiment: str) -> None:
        """Read a changed definition again, in the background if it is warm."""
        key = (tenant, experiment)
        self._missing.pop(key, None)
        if key in self._reading:
            self._changed.add(key)
        elif key in self._entries:
            self._flight.spawn(key, lambda: self._read(key))

    async def _refresh_all(self) -> None:
        self._missing.clear()
        gate = asyncio.Semaphore(RELOADS)

        async def refresh(key: Key) -> None:
            async with gate:
                # an error leaves the entry as it is: old is better than none
                with suppress(QbrixError):
                    await self._flight.run(key, lambda: self._read(key))

        self._changed.update(self._reading)
        await asyncio.gather(*(refresh(key) for key in list(self._entries.keys())))

    async def _read(self, key: Key) -> Entry:
        """Read until nothing changed meanwhile, so that no old answer is kept."""
        self._reading.add(key)
        try:
            while True:
                self._changed.discard(key)
                definition = await self._source.get(*key)
                if key not in self._changed:
                    return self._keep(key, definition)
        finally:
            self._reading.discard(key)
            self._changed.discard(key)

    def _keep(self, key: Key, definition: Definition | None) -> Entry:
        if definition is None:
            self._entries.pop(key, None)
            self._missing[key] = True
            raise _not_found(key[1])
        entry = Entry.of(definition)
        self._entries[key] = entry
        return entry


def _not_found(experiment: str) -> ExperimentNotFound:
    return ExperimentNotFound(f"experiment not found: {experiment}")
