"""Feedback as both wires mean it: a token and a reward, on their way into the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from proxysvc.awaiting import Awaiting
from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.feedback import FeedbackLog
from proxysvc.given import Rewarded
from proxysvc.settling import failure
from proxysvc.settling import settled
from proxysvc.token import GATED
from proxysvc.token import Keyring
from proxysvc.token import Token
from proxysvc.token import admit
from proxysvc.token import check_window
from proxysvc.token import unseal
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixcore.errors import WindowPassed
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.publisher import Spent

Key = tuple[str, str]  # tenant, experiment
Traceparent = Callable[[], str]


class Rewarding:
    """Checks rewards and appends them to the log."""

    def __init__(
        self,
        definitions: DefinitionCache,
        log: FeedbackLog,
        keyring: Keyring,
        token_ttl_sec: int,
        awaiting: Awaiting | None = None,
        traceparent: Traceparent = str,
    ) -> None:
        """``traceparent`` tells that of the current request, "" if it has none."""
        self._definitions = definitions
        self._log = log
        self._keyring = keyring
        self._ttl = token_ttl_sec
        self._awaiting = awaiting
        self._traceparent = traceparent

    async def one(self, principal: Principal, request_id: str, reward: float) -> None:
        """Put a reward into the log; a repeated one changes nothing.

        Raises InvalidToken, TokenExpired, WindowPassed, InvalidFeedback,
        ExperimentNotFound, Overloaded, Unavailable.
        """
        token = self._token(principal, request_id)
        entry = self._definitions.get_cached(token.tenant, token.experiment)
        if entry is None:
            entry = await self._definitions.load(token.tenant, token.experiment)
        new = await self._log.put(self._event(token, entry, reward))
        if token.window_sec and not new and (await self._lapsed([token]))[0]:
            raise WindowPassed()

    async def many(
        self, principal: Principal, rewards: Sequence[Rewarded]
    ) -> list[QbrixError | None]:
        """Put rewards into the log; in their order, None or why one was refused."""
        tokens = [self._token_or_error(principal, one.request_id) for one in rewards]
        known = await self._entries(
            {(one.tenant, one.experiment) for one in tokens if isinstance(one, Token)}
        )
        begun = [
            self._begin(token, known, one.reward)
            for token, one in zip(tokens, rewards, strict=True)
        ]
        await settled([one for one in begun if isinstance(one, asyncio.Future)])
        results = [
            failure(one) if isinstance(one, asyncio.Future) else one for one in begun
        ]
        await self._refuse_lapsed(tokens, begun, results)
        return results

    async def _refuse_lapsed(
        self,
        tokens: Sequence[Token | QbrixError],
        begun: Sequence[asyncio.Future[bool] | QbrixError],
        results: list[QbrixError | None],
    ) -> None:
        """Put an error where a default was learned before the reward came."""
        repeated = {
            row: token
            for row, (token, one) in enumerate(zip(tokens, begun, strict=True))
            if isinstance(token, Token)
            and token.window_sec
            and results[row] is None
            and isinstance(one, asyncio.Future)
            and not one.result()
        }
        if not repeated:
            return
        try:
            lapsed = await self._lapsed(list(repeated.values()))
        except Unavailable as error:
            results[:] = [
                error if row in repeated else one for row, one in enumerate(results)
            ]
            return
        for row, late in zip(repeated, lapsed, strict=True):
            if late:
                results[row] = WindowPassed()

    async def _lapsed(self, tokens: Sequence[Token]) -> Sequence[bool]:
        if self._awaiting is None:
            return [False] * len(tokens)
        return await self._awaiting.have_lapsed(tokens)

    def _begin(
        self,
        token: Token | QbrixError,
        known: Mapping[Key, Entry | QbrixError],
        reward: float,
    ) -> asyncio.Future[bool] | QbrixError:
        if isinstance(token, QbrixError):
            return token
        entry = known[token.tenant, token.experiment]
        if isinstance(entry, QbrixError):
            return entry
        try:
            return self._log.put(self._event(token, entry, reward))
        except QbrixError as error:
            return error

    def _token(self, principal: Principal, request_id: str) -> Token:
        token = unseal(request_id, self._keyring)
        admit(token, principal.tenant_id, self._ttl)
        if token.window_sec:
            check_window(token)
        return token

    def _token_or_error(
        self, principal: Principal, request_id: str
    ) -> Token | QbrixError:
        try:
            return self._token(principal, request_id)
        except QbrixError as error:
            return error

    async def _entries(self, keys: Iterable[Key]) -> dict[Key, Entry | QbrixError]:
        """Their entries, or why there is none; cold ones are read all at once."""
        known: dict[Key, Entry | QbrixError] = {}
        cold: list[Key] = []
        for key in keys:
            entry = self._definitions.get_cached(*key)
            if entry is None:
                cold.append(key)
            else:
                known[key] = entry
        if cold:
            found = await asyncio.gather(*(self._load(*key) for key in cold))
            known.update(zip(cold, found, strict=True))
        return known

    async def _load(self, tenant: str, experiment: str) -> Entry | QbrixError:
        try:
            return await self._definitions.load(tenant, experiment)
        except QbrixError as error:
            return error

    def _event(
        self, token: Token, entry: Entry, reward: float
    ) -> FeedbackEvent | Spent:
        entry.rewards.check(reward)
        if token.flags & GATED:
            return Spent(
                token.issuer,
                token.sequence,
                token.tenant,
                token.experiment,
                token.arm,
                reward,
            )
        return FeedbackEvent(
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
            traceparent=self._traceparent(),
        )
