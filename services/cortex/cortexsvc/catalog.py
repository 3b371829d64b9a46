"""What cortex knows of experiments: definitions from Redis, at last from Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from cortexsvc.sorting import Key
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Invalid
from qbrixcore.policy.registry import find_spec
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.redis.definitions import Definitions

UNKNOWN: Final = "unknown experiment"
UNUSABLE: Final = "no usable definition"
KEPT: Final = 10_000


class Learnable(msgspec.Struct, frozen=True):
    """An experiment whose feedback can be learned, as its newest definition has it."""

    policy: str
    hyper: Any
    num_arms: int


class Removed(msgspec.Struct, frozen=True):
    """An experiment that was deleted: its feedback is no longer of use."""


Verdict = Learnable | Removed | str  # a text says why its events cannot be learned


class Registry(Protocol):
    """Where experiments are kept for good."""

    async def find(self, tenant: str, experiment: str) -> Definition | None:
        """Its definition, None if there is no such experiment. Raises Unavailable."""


class PostgresRegistry:
    """The experiments in Postgres, of any tenant."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, tenant: str, experiment: str) -> Definition | None:
        """Its definition, None if there is none. Raises Unavailable, InvalidParams."""
        if not tenant:
            return None
        try:
            async with get_session(self._engine, tenant) as session:
                record = await Experiments(session, tenant).get(experiment)
        except ExperimentNotFound:
            return None
        return make_definition(tenant, record.experiment, record.version)


class Catalog:
    """Verdicts on experiments; positive ones are kept until they are forgotten."""

    def __init__(self, definitions: Definitions, registry: Registry) -> None:
        self._definitions = definitions
        self._registry = registry
        self._known: dict[Key, Learnable] = {}
        self._changes = 0

    async def verdicts(self, keys: Sequence[Key]) -> dict[Key, Verdict]:
        """What is to be done with the events of these experiments.

        Raises Unavailable while a store that must be asked is away.
        """
        verdicts: dict[Key, Verdict] = {
            key: self._known[key] for key in keys if key in self._known
        }
        missing = [key for key in keys if key not in verdicts]
        before = self._changes
        found = await self._definitions.get_many(missing)
        for key, definition in zip(missing, found, strict=True):
            if definition is None:
                verdicts[key] = await self._without_definition(*key)
            else:
                verdicts[key] = _judge(definition)
        # what has changed since may have been read as it was before
        if self._changes == before:
            self._keep({key: verdicts[key] for key in missing})
        return verdicts

    async def _without_definition(self, tenant: str, experiment: str) -> Verdict:
        if await self._definitions.is_removed(tenant, experiment):
            return Removed()
        try:
            definition = await self._registry.find(tenant, experiment)
        except Invalid as error:
            return f"{UNUSABLE}: {error}"
        if definition is None:
            return UNKNOWN
        return _judge(definition)

    def _keep(self, verdicts: Mapping[Key, Verdict]) -> None:
        for key, verdict in verdicts.items():
            if isinstance(verdict, Learnable):
                if len(self._known) >= KEPT:
                    self._known.pop(next(iter(self._known)))
                self._known[key] = verdict

    def forget(self, change: Key | None) -> None:
        """Ask anew about a changed experiment, or about all."""
        self._changes += 1
        if change is None:
            self._known.clear()
        else:
            self._known.pop(change, None)


def _judge(definition: Definition | CorruptState) -> Verdict:
    if isinstance(definition, CorruptState):
        return f"{UNUSABLE}: {definition}"
    try:
        hyper = find_spec(definition.policy).validate(definition.hyper)
    except Invalid as error:
        return f"{UNUSABLE}: {error}"
    return Learnable(definition.policy, hyper, len(definition.arms))
