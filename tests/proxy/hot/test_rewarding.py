"""Rewards of many experiments in one batch wait for the store together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import msgspec
from tests.proxy.hot.conftest import SECRETS
from tests.proxy.samples import definition

from proxysvc.definitions import DefinitionCache
from proxysvc.fast.wire import FeedbackRequest
from proxysvc.feedback import FeedbackLog
from proxysvc.rewarding import Rewarding
from proxysvc.token import Keyring
from proxysvc.token import Mint
from qbrixcore.definition import Definition
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.layout import Layout

KEYRING = Keyring.parse(SECRETS, strong=True)
LAYOUT = Layout(1, 1)
TENANT = uuid4().hex
COLD = 8


class Together:
    """Answers a read only when all of them are waiting."""

    def __init__(self, known: Sequence[Definition], away: set[str]) -> None:
        self._known = {one.experiment: one for one in known}
        self._away = away
        self._barrier = asyncio.Barrier(COLD)

    async def get(self, tenant: str, experiment: str) -> Definition | None:
        async with asyncio.timeout(20):
            await self._barrier.wait()
        if experiment in self._away:
            raise Unavailable("the store is away")
        return self._known.get(experiment)


class Collected:
    """Appends to a list."""

    def __init__(self) -> None:
        self.events: list[object] = []

    async def append(self, events: Sequence[object]) -> list[bool]:
        self.events += events
        return [True] * len(events)


async def test_cold_experiments_are_read_at_once() -> None:
    some = [msgspec.structs.replace(definition(), tenant=TENANT) for _ in range(COLD)]
    gone, away = some[1], some[2]
    source = Together([one for one in some if one is not gone], {away.experiment})
    cache, written = DefinitionCache(source), Collected()
    log = FeedbackLog(written, LAYOUT, 1_000, 15.0)
    mint = Mint(KEYRING, LAYOUT)
    caller = Principal(
        tenant_id=TENANT,
        user_id=uuid4().hex,
        key_id=uuid4().hex,
        role="member",
        scopes=frozenset(),
        plan="self-hosted",
    )
    rewards = [
        FeedbackRequest(mint.mint(one, 0, 0, 0, 0.5, None), 1.0)
        for one in (*some, *some)
    ]
    results = await Rewarding(cache, log, KEYRING, 60).many(caller, rewards)
    for index, result in enumerate(results):
        one = some[index % COLD]
        if one is gone:
            assert isinstance(result, ExperimentNotFound)
        elif one is away:
            assert isinstance(result, Unavailable)
        else:
            assert result is None
    assert len(written.events) == 2 * (COLD - 2)
