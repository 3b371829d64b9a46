"""Select and feedback as both wires mean them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

import msgspec

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.features import policy_input
from proxysvc.feedback import FeedbackLog
from proxysvc.stream.client import MotorClient
from proxysvc.token import Keyring
from proxysvc.token import Mint
from proxysvc.token import admit
from proxysvc.token import unseal
from qbrixcore.definition import DefinitionArm
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.event import FeedbackEvent

Seconds = float

LONGEST_ID: Final = 128  # characters; no longer experiment id was ever given out


class Selected(msgspec.Struct, frozen=True, gc=False):
    """The arm at position ``index`` of the pool, and the token to reward it with.

    ``request_id`` and ``param_version`` are None while the experiment is paused.
    """

    arm: DefinitionArm
    index: int
    request_id: str | None
    is_default: bool
    param_version: int | None


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
    ) -> None:
        self._definitions = definitions
        self._motor = motor
        self._log = log
        self._keyring = keyring
        self._mint = mint
        self._ttl = token_ttl_sec

    async def select(
        self,
        principal: Principal,
        experiment_id: str,
        context_id: str,
        vector: Sequence[float] | None = None,
        properties: Mapping[str, object] | None = None,
        trace_id: str = "",
        patience: Seconds | None = None,
    ) -> Selected:
        """The choice for a context. ``patience`` may shorten the own time limit.

        Raises ExperimentNotFound, InvalidContext, Overloaded, Unavailable.
        """
        entry = await self._entry(principal.tenant_id, experiment_id)
        features = policy_input(entry, vector, properties)
        definition = entry.definition
        if not definition.enabled:
            return _paused(entry)
        choice = await self._motor.select(
            definition, context_id, features, trace_id, patience
        )
        index = choice.arm
        if index >= len(definition.arms):
            definition = (await self._reload(entry)).definition
            if index >= len(definition.arms):
                raise Unavailable("the chosen arm is not known here yet")
        token = self._mint.mint(
            definition,
            index,
            choice.generation,
            choice.version,
            choice.propensity,
            features,
        )
        return Selected(definition.arms[index], index, token, False, choice.version)

    async def feedback(
        self, principal: Principal, request_id: str, reward: float
    ) -> None:
        """Put a reward into the log; a repeated one changes nothing.

        Raises InvalidToken, TokenExpired, InvalidFeedback, ExperimentNotFound,
        Overloaded, Unavailable.
        """
        token = unseal(request_id, self._keyring)
        admit(token, principal.tenant_id, self._ttl)
        entry = await self._entry(token.tenant, token.experiment)
        window = entry.definition.reward_window_sec
        if window is not None and window < self._ttl:
            admit(token, principal.tenant_id, window)
        entry.rewards.check(reward)
        await self._log.append(
            FeedbackEvent(
                issuer=token.issuer,
                sequence=token.sequence,
                tenant=token.tenant,
                experiment=token.experiment,
                generation=token.generation,
                arm=token.arm,
                reward=reward,
                propensity=token.propensity,
                vector=token.vector,
                issued_ms=token.issued_ms,
                received_ms=time.time_ns() // 1_000_000,
            )
        )

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
    """The first active arm, decided by nobody."""
    for index, arm in enumerate(entry.definition.arms):
        if arm.active:
            return Selected(arm, index, None, True, None)
    raise Unavailable("the experiment has no active arm")
