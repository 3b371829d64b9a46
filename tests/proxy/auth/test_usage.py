"""Calls are counted over all workers, and the last use of a key is remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.accounts.assembly import Directory
from proxysvc.accounts.usage import UsageMeter
from proxysvc.auth import Authenticator
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import get_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.usage import Usage


@pytest.fixture
async def counts(redis_server: RedisSettings) -> AsyncIterator[Usage]:
    async with RedisClient(redis_server) as client:
        yield Usage(client, await Layout.ensure(client))


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute does not end during a test."""
    monkeypatch.setattr("proxysvc.accounts.usage._minute", lambda: 29_000_000)


async def last_used(engine: AsyncEngine, person: Person) -> datetime | None:
    async with get_session(engine, person.tenant_id) as session:
        key = await ApiKeys(session, person.tenant_id).get(person.key_id)
    return key.last_used_at


async def test_workers_add_up(engine: AsyncEngine, counts: Usage) -> None:
    person, other = await add_person(engine), await add_person(engine)
    meters = []
    for calls in (2, 3):
        authenticator = Authenticator(Directory(engine).find)
        meters.append(UsageMeter(engine, counts, authenticator))
        for _ in range(calls):
            await authenticator.principal(person.key.encode())
    for meter in meters:
        await meter.flush()
        await meter.flush()
    for meter in meters:
        assert await meter.this_minute(person.key_id) == 5
        assert await meter.this_minute(person.user_id) == 5
        assert await meter.this_minute(other.key_id) == 0
    assert await last_used(engine, person) is None
    before = datetime.now(UTC)
    await meters[0].write_last_uses()
    used = await last_used(engine, person)
    assert used is not None
    assert used <= before
    assert await last_used(engine, other) is None


async def test_the_end_of_a_worker_loses_no_use(
    engine: AsyncEngine, counts: Usage
) -> None:
    person = await add_person(engine)
    authenticator = Authenticator(Directory(engine).find)
    async with UsageMeter(engine, counts, authenticator).running():
        await authenticator.principal(person.key.encode())
    assert await last_used(engine, person) is not None
    assert await counts.get(29_000_000, person.key_id) == 1


class Away:
    """Counts that cannot be reached."""

    async def add(self, minute: int, calls: Mapping[str, int]) -> None:
        raise Unavailable

    async def get(self, minute: int, id_: str) -> int:
        raise Unavailable


async def test_without_redis_the_last_use_is_still_noted(engine: AsyncEngine) -> None:
    person = await add_person(engine)
    authenticator = Authenticator(Directory(engine).find)
    meter = UsageMeter(engine, Away(), authenticator)
    async with meter.running():
        await authenticator.principal(person.key.encode())
        with pytest.raises(Unavailable):
            await meter.this_minute(person.key_id)
    assert await last_used(engine, person) is not None
    # calls of a minute that is over are nobody's any more
    assert authenticator.take_calls() == []
