"""Select and feedback as both wires mean them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

import msgspec

from proxysvc.awaiting import Awaiting
from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.features import policy_input
from proxysvc.given import Given
from proxysvc.given import Rewarded
from proxysvc.insight.counting import Counting
from proxysvc.journal import Journal
from proxysvc.rewarding import Rewarding
from proxysvc.settling import settled
from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import Choice
from proxysvc.token import GATED
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal

Seconds = float

AT_A_TIME: Final[Seconds] = 0.002  # of a batch, before others get their turn
LONGEST_ID: Final = 128  # characters; no longer experiment id was ever given out


class Selected(msgspec.Struct, frozen=True, gc=False):
    """The arm at position ``index`` of the pool, and the token to reward it with.

    ``request_id`` is None while the experiment is paused, ``param_version`` also when
    its gate forced the arm.
    """

    arm: DefinitionArm
    index: int
    request_id: str | None
    is_default: bool
    param_version: int | None


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """A select that a motor is to answer."""

    entry: Entry
    context_id: str
    features: bytes | None
    answer: asyncio.Future[Choice]


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
        entry = await self._entry(principal.tenant_id, experiment_id)
        begun = self._begin(entry, context_id, vector, properties, metadata)
        if isinstance(begun, Selected):
            selected = begun
        else:
            asked = self._ask(entry, begun, context_id, trace_id, patience)
            selected = await self._finish(asked, await asked.answer)
        self._count(entry.definition, selected.index, selected.is_default, context_id)
        return selected

    async def select_many(
        self,
        principal: Principal,
        experiment_id: str,
        contexts: Sequence[Given],
        trace_id: str = "",
        patience: Seconds | None = None,
    ) -> list[Selected | QbrixError]:
        """The choices for contexts, in their order, or why there is none for one.

        All are asked for in the same turn of the loop, so they share a frame. Raises
        ExperimentNotFound, Unavailable.
        """
        entry = await self._entry(principal.tenant_id, experiment_id)
        ready = await self._begin_many(entry, contexts)
        begun = [
            one
            if isinstance(one, Selected | QbrixError)
            else self._asked(entry, one, given.id, trace_id, patience)
            for given, one in zip(contexts, ready, strict=True)
        ]
        await settled([one.answer for one in begun if isinstance(one, _Asked)])
        outcomes = [
            await self._outcome(one) if isinstance(one, _Asked) else one
            for one in begun
        ]
        for given, made in zip(contexts, outcomes, strict=True):
            if isinstance(made, Selected):
                self._count(entry.definition, made.index, made.is_default, given.id)
        return outcomes

    async def _begin_many(
        self, entry: Entry, contexts: Sequence[Given]
    ) -> list[Selected | QbrixError | bytes | None]:
        """What ``_begin`` says of each; the loop is not held for all of them."""
        begun: list[Selected | QbrixError | bytes | None] = []
        since = time.perf_counter()
        for one in contexts:
            try:
                begun.append(
                    self._begin(entry, one.id, one.vector, one.properties, one.metadata)
                )
            except QbrixError as error:
                begun.append(error)
            if time.perf_counter() - since > AT_A_TIME:
                await asyncio.sleep(0)
                since = time.perf_counter()
        return begun

    async def _outcome(self, asked: _Asked) -> Selected | QbrixError:
        try:
            return await self._finish(asked, asked.answer.result())
        except QbrixError as error:
            return error

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

    def _asked(
        self,
        entry: Entry,
        features: bytes | None,
        context_id: str,
        trace_id: str,
        patience: Seconds | None,
    ) -> _Asked | QbrixError:
        try:
            return self._ask(entry, features, context_id, trace_id, patience)
        except QbrixError as error:
            return error

    def _ask(
        self,
        entry: Entry,
        features: bytes | None,
        context_id: str,
        trace_id: str,
        patience: Seconds | None,
    ) -> _Asked:
        """The question to a motor; never waits. Raises Overloaded."""
        answer = self._motor.select(
            entry.definition, context_id, features, trace_id, patience
        )
        return _Asked(entry, context_id, features, answer)

    def _gated(self, definition: Definition, index: int) -> Selected:
        """An arm that no bandit chose: nothing is learned from what it earns."""
        token = self._mint.mint(definition, index, 0, None, None, None, GATED)
        return Selected(definition.arms[index], index, token, True, None)

    async def _finish(self, asked: _Asked, choice: Choice) -> Selected:
        definition, index = asked.entry.definition, choice.arm
        if index >= len(definition.arms):
            definition = (await self._reload(asked.entry)).definition
            if index >= len(definition.arms):
                raise Unavailable("the chosen arm is not known here yet")
        token = self._mint.mint(
            definition,
            index,
            choice.generation,
            choice.version,
            choice.propensity,
            asked.features,
        )
        if self._note is not None:
            self._note(token, asked.context_id)
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

    async def _entry(self, tenant: str, experiment: str) -> Entry:
        entry = self._definitions.get_cached(tenant, experiment)
        if entry is not None:
            return entry
        if len(experiment) > LONGEST_ID:
            raise ExperimentNotFound("experiment not found")
        return await self._definitions.load(tenant, experiment)

    async def _reload(self, entry: Entry) -> Entry:
        definition = entry.definition
        return await self._definitions.reload(definition.tenant, definition.experiment)


def _paused(entry: Entry) -> Selected:
    """The default arm of the gate or the first active one, decided by nobody."""
    arms = entry.definition.arms
    if entry.gate is not None and entry.gate.default is not None:
        return Selected(arms[entry.gate.default], entry.gate.default, None, True, None)
    for index, arm in enumerate(arms):
        if arm.active:
            return Selected(arm, index, None, True, None)
    raise Unavailable("the experiment has no active arm")
