"""A proxy worker without network: its hot path, driven as its server would."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

import uvloop

from proxysvc.accounts.plans import Plans
from proxysvc.app import HotState
from proxysvc.auth import Authenticator
from proxysvc.definitions import DefinitionCache
from proxysvc.fast.app import FastPath
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.direct import directly
from proxysvc.feedback import Event
from proxysvc.feedback import FeedbackLog
from proxysvc.insight.counting import CountedPublisher
from proxysvc.insight.counting import Counting
from proxysvc.rates.bank import CallBank
from proxysvc.rewarding import Rewarding
from proxysvc.selection import Selection
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.frames import Choice
from proxysvc.token import Keyring
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.calls import Allotment
from qbrixstore.redis.calls import Ask
from qbrixstore.redis.layout import Layout

TENANT = "bench"
KEY = b"optiq_" + b"x" * 43
SCOPES = frozenset({"agent:read", "agent:write"})
HOUR = 3_600
CALLS_A_MINUTE = 10**9 - 1
PRINCIPAL = Principal(
    tenant_id=TENANT, user_id="u", key_id="k", role="member", scopes=SCOPES, plan="pro"
)


class Motor:
    """Answers what gathered in one turn of the loop in the next, as a frame would."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Choice]] = []

    def select(self, definition: Definition, *rest: object) -> asyncio.Future[Choice]:
        """The first arm, in a moment."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._answer)
        future: asyncio.Future[Choice] = loop.create_future()
        self._waiting.append(future)
        return future

    def select_many(
        self,
        definition: Definition,
        context_ids: Sequence[str],
        vectors: Sequence[bytes] | None,
        *rest: object,
    ) -> list[Bundle]:
        """The first arm for each, in a moment."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        bundle = Bundle(0, definition, context_ids, vectors, "", math.inf, future)
        arms, unknown = [0] * bundle.items, [math.nan] * bundle.items
        loop.call_soon(bundle.answer, bundle.open, arms, unknown, 0, 7)
        return [bundle]

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(Choice(0, None, 0, 7, 1))


class Log:
    """Takes every event for a new one."""

    async def append(self, events: Sequence[Event]) -> list[bool]:
        """All of them at once."""
        return [True] * len(events)


class Calls:
    """Gives whoever asks all the calls of an hour that never ends."""

    async def allot(self, asks: Sequence[Ask]) -> list[Allotment]:
        """As many calls as there are in a minute."""
        return [Allotment(CALLS_A_MINUTE, 0, 1, math.inf) for _ in asks]


class Source:
    """The definitions that the store would hold."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._definitions = {one.experiment: one for one in definitions}

    async def get(self, tenant: str, experiment: str) -> Definition | None:
        """One of them."""
        return self._definitions.get(experiment)


class Worker:
    """The hot path over these definitions, warm; a loop of its own to run it on."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._definitions = definitions

    def __enter__(self) -> Worker:
        self._runner.__enter__()
        self._runner.run(self._build())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.__exit__(kind, error, trace)

    async def _build(self) -> None:
        layout, counting = Layout(), Counting()
        cache = DefinitionCache(Source(self._definitions))
        bank = CallBank(Calls(), Plans.parse([f"pro:{CALLS_A_MINUTE}/0/0"]))
        authenticator = Authenticator(_found, budget_of=bank.of, trust=HOUR)
        keyring = Keyring.parse(["k:" + "s" * 32], strong=True)
        log = FeedbackLog(CountedPublisher(Log(), counting), layout, 10_000, HOUR)
        rewarding = Rewarding(cache, log, keyring, HOUR)
        selection = Selection(
            cache, Motor(), rewarding, Mint(keyring, layout), counting
        )
        fast = FastPath(HotState(authenticator, selection), Arrivals(HOUR))
        self._served: Any = directly(fast, _nowhere)
        await self._stack.enter_async_context(bank.running())
        await authenticator.principal(KEY)
        for one in self._definitions:
            await cache.load(one.tenant, one.experiment)

    def answers(self, path: str, bodies: Sequence[bytes]) -> list[Any]:
        """The bodies of the answers to requests that are under way together."""
        return self._runner.run(self._answers(path, bodies))

    async def _answers(self, path: str, bodies: Sequence[bytes]) -> list[Any]:
        exchanges = [Exchange(path, body) for body in bodies]
        await asyncio.gather(*(self._served(one, one) for one in exchanges))
        return [one.answer for one in exchanges]


class Exchange:
    """One request and what was answered, in the words of RSGI."""

    method = "POST"

    def __init__(self, path: str, body: bytes) -> None:
        self.path = path
        self.headers = {
            "host": "127.0.0.1:8080",
            "x-api-key": KEY.decode(),
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        self._body = body
        self.answer: Any = None

    async def __call__(self) -> bytes:
        """The whole body."""
        return self._body

    def response_bytes(self, status: int, fields: object, body: bytes) -> None:
        """Raises AssertionError for an answer that is an error."""
        assert status in (200, 201), body
        self.answer = body


async def _found(references: Collection[str]) -> Mapping[str, Principal]:
    return dict.fromkeys(references, PRINCIPAL)


async def _nowhere(*request: object) -> None:
    raise AssertionError("only the hot path is asked here")
