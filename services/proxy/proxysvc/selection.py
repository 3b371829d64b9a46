"""Select and feedback as both wires mean them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

import msgspec

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.features import policy_input
from proxysvc.feedback import FeedbackLog
from proxysvc.given import Given
from proxysvc.given import Rewarded
from proxysvc.insight.counting import Counting
from proxysvc.rewarding import Rewarding
from proxysvc.settling import settled
from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import Choice
from proxysvc.token import GATED
from proxysvc.token import Keyring
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal

Seconds = float

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
    features: bytes | None
    answer: asyncio.Future[Choice]


class Selection:
    """Decides by asking a motor, and takes in what became of the decision."""

    def __init__(
        self,
        definitions: DefinitionCache,
        motor: MotorClient,
        log: FeedbackLog,
        keyring: Keyring,
        mint: Mint,
        token_ttl_sec: int,
        counting: Counting,
    ) -> None:
        self._definitions = definitions
        self._motor = motor
        self._rewarding = Rewarding(definitions, log, keyring, token_ttl_sec)
        self._mint = mint
        self._count = counting.selected

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
        begun = self._begin(
            entry, context_id, vector, properties, metadata, trace_id, patience
        )
        if isinstance(begun, Selected):
            selected = begun
        else:
            selected = await self._finish(begun, await begun.answer)
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
        begun: list[Selected | _Asked | QbrixError] = []
        for one in contexts:
            try:
                begun.append(
                    self._begin(
                        entry,
                        one.id,
                        one.vector,
                        one.properties,
                        one.metadata,
                        trace_id,
                        patience,
                    )
                )
            except QbrixError as error:
                begun.append(error)
        await settled([one.answer for one in begun if isinstance(one, _Asked)])
        outcomes = [
            await self._outcome(one) if isinstance(one, _Asked) else one
            for one in begun
        ]
        for given, made in zip(contexts, outcomes, strict=True):
            if isinstance(made, Selected):
                self._count(entry.definition, made.index, made.is_default, given.id)
        return outcomes

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
        trace_id: str,
        patience: Seconds | None,
    ) -> Selected | _Asked:
        """What can be said at once, or the question to a motor; never waits.

        Raises InvalidContext, Overloaded.
        """
        features = policy_input(entry, vector, properties)
        definition = entry.definition
        if not definition.enabled:
            return _paused(entry)
        if entry.gate is not None:
            forced = entry.gate.force(context_id, metadata)
            if forced is not None:
                return self._gated(definition, forced)
        answer = self._motor.select(
            definition, context_id, features, trace_id, patience
        )
        return _Asked(entry, features, answer)

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
        return Selected(definition.arms[index], index, token, False, choice.version)

    async def feedback(
        self, principal: Principal, request_id: str, reward: float
    ) -> None:
        """Put a reward into the log; a repeated one changes nothing.

        Raises InvalidToken, TokenExpired, InvalidFeedback, ExperimentNotFound,
        Overloaded, Unavailable.
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
