"""Select and feedback as both wires mean them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
from time import perf_counter
from typing import Final

from proxysvc.awaiting import Awaiting
from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.features import policy_input
from proxysvc.given import Given
from proxysvc.given import Rewarded
from proxysvc.insight.counting import Counting
from proxysvc.journal import Journal
from proxysvc.rewarding import Rewarding
from proxysvc.selected import Selected
from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import Choice
from proxysvc.together import UNKNOWN_ARM
from proxysvc.together import Outcome
from proxysvc.together import Together
from proxysvc.token import GATED
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal

Seconds = float

AT_A_TIME: Final[Seconds] = 0.002  # of a batch, before others get their turn
LONGEST_ID: Final = 128  # characters; no longer experiment id was ever given out


class Selection:
    """Decides by asking a motor, and takes in what became of the decision."""

    def __init__(
        self,
        definitions: DefinitionCache,
        motor: MotorClient,
        rewarding: Rewarding,
        mint: Mint,
        counting: Counting,
        journal: Journal | None = None,
        awaiting: Awaiting | None = None,
    ) -> None:
        self._definitions = definitions
        self._motor = motor
        self._rewarding = rewarding
        self._mint = mint
        self._count = counting.selected
        self._note = None if journal is None else journal.note
        self._awaiting = awaiting
        self._together = Together(definitions, motor, mint, counting, journal, awaiting)

    async def select(
        self,
        principal: Principal,
        experiment_id: str,
        context_id: str,
        vector: Sequence[float] | None = None,
        properties: Mapping[str, object] | None = None,
        trace_id: str = "",
        patience: Seconds | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Selected:
        """The choice for a context. ``patience`` may shorten the own time limit.

        ``metadata`` is for the gate alone.
        Raises ExperimentNotFound, InvalidContext, Overloaded, Unavailable.
        """
        entry = self._definitions.get_cached(principal.tenant_id, experiment_id)
        if entry is None:
            entry = await self._load(principal.tenant_id, experiment_id)
        begun = self._begin(entry, context_id, vector, properties, metadata)
        if isinstance(begun, Selected):
            selected = begun
        else:
            choice = await self._motor.select(
                entry.definition, context_id, begun, trace_id, patience
            )
            if choice.arm >= len(entry.definition.arms):
                entry = await self._reload(entry, choice.arm)
            selected = self._finish(entry.definition, choice, begun, context_id)
        self._count(entry.definition, selected.index, selected.is_default, context_id)
        return selected

    async def select_many(
        self,
        principal: Principal,
        experiment_id: str,
        contexts: Sequence[Given],
        trace_id: str = "",
        patience: Seconds | None = None,
    ) -> list[Outcome]:
        """The choices for contexts, in their order, or why there is none for one.

        All are asked for in the same turn of the loop, so they share a frame. Raises
        ExperimentNotFound, Unavailable.
        """
        entry = self._definitions.get_cached(principal.tenant_id, experiment_id)
        if entry is None:
            entry = await self._load(principal.tenant_id, experiment_id)
        known, ids, features = await self._begin_many(entry, contexts)
        decided = await self._together.decide(entry, ids, features, trace_id, patience)
        if not known:
            return decided
        others = iter(decided)
        outcomes: list[Outcome] = []
        for place, given in enumerate(contexts):
            made = known.get(place) or next(others)
            if place in known and isinstance(made, Selected):
                self._count(entry.definition, made.index, made.is_default, given.id)
            outcomes.append(made)
        return outcomes

    async def _begin_many(
        self, entry: Entry, contexts: Sequence[Given]
    ) -> tuple[dict[int, Outcome], list[str], list[bytes | None]]:
        """What ``_begin`` says at once, by position, and what to ask a motor with for
        every other one: ids and features. The loop is not held for all of them.
        """
        known: dict[int, Outcome] = {}
        ids: list[str] = []
        features: list[bytes | None] = []
        since = perf_counter()
        for place, one in enumerate(contexts):
            identity = one.id
            try:
                begun = self._begin(
                    entry, identity, one.vector, one.properties, one.metadata
                )
            except QbrixError as error:
                known[place] = error
            else:
                if isinstance(begun, Selected):
                    known[place] = begun
                else:
                    ids.append(identity)
                    features.append(begun)
            if perf_counter() - since > AT_A_TIME:
                await asyncio.sleep(0)
                since = perf_counter()
        return known, ids, features

    def _begin(
        self,
        entry: Entry,
        context_id: str,
        vector: Sequence[float] | None,
        properties: Mapping[str, object] | None,
        metadata: Mapping[str, object] | None,
    ) -> Selected | bytes | None:
        """What can be said at once, else the features to ask a motor with.

        Raises InvalidContext.
        """
        features = policy_input(entry, vector, properties)
        definition = entry.definition
        if not definition.enabled:
            return _paused(entry)
        if entry.gate is not None:
            forced = entry.gate.force(context_id, metadata)
            if forced is not None:
                return self._gated(definition, forced)
        return features

    def _gated(self, definition: Definition, index: int) -> Selected:
        """An arm that no bandit chose: nothing is learned from what it earns."""
        token = self._mint.mint(definition, index, 0, None, None, None, GATED)
        return Selected(definition.arms[index], index, token, True, None)

    def _finish(
        self,
        definition: Definition,
        choice: Choice,
        features: bytes | None,
        context_id: str,
    ) -> Selected:
        index = choice.arm
        token = self._mint.mint(
            definition,
            index,
            choice.generation,
            choice.version,
            choice.propensity,
            features,
        )
        if self._note is not None:
            self._note(token, context_id)
        if definition.default_reward is not None and self._awaiting is not None:
            self._awaiting.note(token, definition)
        return Selected(definition.arms[index], index, token, False, choice.version)

    async def feedback(
        self, principal: Principal, request_id: str, reward: float
    ) -> None:
        """Put a reward into the log; a repeated one changes nothing.

        Raises InvalidToken, TokenExpired, WindowPassed, InvalidFeedback,
        ExperimentNotFound, Overloaded, Unavailable.
        """
        await self._rewarding.one(principal, request_id, reward)

    async def feedback_many(
        self, principal: Principal, rewards: Sequence[Rewarded]
    ) -> list[QbrixError | None]:
        """Put rewards into the log; in their order, None or why one was refused."""
        return await self._rewarding.many(principal, rewards)

    async def _load(self, tenant: str, experiment: str) -> Entry:
        if len(experiment) > LONGEST_ID:
            raise ExperimentNotFound("experiment not found")
        return await self._definitions.load(tenant, experiment)

    async def _reload(self, entry: Entry, arm: int) -> Entry:
        """The newest definition, if that knows the arm; raises Unavailable if not."""
        definition = entry.definition
        entry = await self._definitions.reload(definition.tenant, definition.experiment)
        if arm >= len(entry.definition.arms):
            raise Unavailable(UNKNOWN_ARM)
        return entry


def _paused(entry: Entry) -> Selected:
    """The default arm of the gate or the first active one, decided by nobody."""
    arms = entry.definition.arms
    if entry.gate is not None and entry.gate.default is not None:
        return Selected(arms[entry.gate.default], entry.gate.default, None, True, None)
    for index, arm in enumerate(arms):
        if arm.active:
            return Selected(arm, index, None, True, None)
    raise Unavailable("the experiment has no active arm")
