"""News about credentials when Redis, a listener or the relay fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.test_outages import Restarted
from tests.proxy.waiting import eventually

from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.redis import keys
from qbrixstore.redis.changes import Changes

POOLS = "/api/v1/pools"


async def test_news_wait_for_redis(
    settings: ProxySettings, engine: AsyncEngine, server_directory: Path
) -> None:
    """Without it a change holds at once here, and elsewhere when it is back."""
    redis = Restarted(Valkey, server_directory / "redis")
    own = msgspec.structs.replace(settings, redis=await redis.start())
    admin = await add_person(engine)
    member = await add_person(engine, "member", tenant_id=admin.tenant_id)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.stop)
        here = await stack.enter_async_context(proxy(own))
        there = await stack.enter_async_context(proxy(own))
        powerful = await stack.enter_async_context(client_of(here, admin.headers))
        clients = [
            await stack.enter_async_context(client_of(worker, member.headers))
            for worker in (here, there)
        ]

        async def statuses() -> list[int]:
            return [(await client.get(POOLS)).status_code for client in clients]

        assert await statuses() == [200, 200]
        await redis.stop()
        answer = await powerful.delete(f"/auth/users/{member.user_id}")
        assert answer.status_code == 200
        assert await statuses() == [401, 200]
        await redis.start()

        async def everywhere() -> bool:
            return await statuses() == [401, 401]

        await eventually(everywhere)


async def test_a_failing_listener_starts_again(
    settings: ProxySettings, monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine
) -> None:
    admin = await add_person(engine)
    listen, failures = Changes.listen, 0

    async def flaky(self: Changes, topic: str) -> AsyncIterator[object]:
        nonlocal failures
        if topic == keys.CREDENTIALS and failures < 2:
            failures += 1
            raise KeyError("unexpected" if failures == 1 else "again")
        async for change in listen(self, topic):
            yield change

    monkeypatch.setattr(Changes, "listen", flaky)
    async with proxy(settings) as worker, client_of(worker, admin.headers) as client:
        assert (await client.get(POOLS)).status_code == 200
        async with get_session(engine, admin.tenant_id) as session:
            await ApiKeys(session, admin.tenant_id).revoke(admin.key_id)

        async def gone() -> bool:
            return (await client.get(POOLS)).status_code == 401

        await eventually(gone)
    assert failures == 2


async def test_the_relay_keeps_news_that_it_cannot_tell(
    settings: ProxySettings, engine: AsyncEngine, admin: Person
) -> None:
    from proxysvc.accounts.herald import Herald
    from proxysvc.auth import Authenticator

    class Mute:
        async def announce(self, topic: str, pairs: list[tuple[str, str]]) -> None:
            raise Unavailable

        async def listen(self, topic: str) -> AsyncIterator[None]:
            yield await asyncio.Future()

    async with get_session(engine, admin.tenant_id) as session:
        await ApiKeys(session, admin.tenant_id).revoke(admin.key_id)

    async def nobody(references: object) -> dict[str, object]:
        return {}

    herald = Herald(engine, Mute(), Authenticator(nobody))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await herald.relay_batch()
    async with system_session(engine) as session:
        left = await NewsOfCredentials(session).claim()
    assert (admin.tenant_id, admin.user_id) in {
        (news.tenant_id, news.user_id) for news in left
    }
    await herald.tell(admin.tenant_id, admin.user_id)
