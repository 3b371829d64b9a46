"""A change of a key, a role or a user reaches every worker, whatever gets lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import new_member
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.conftest import with_key
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.redis import keys
from qbrixstore.redis.changes import Changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout

POOLS = "/api/v1/pools"
SELECT = "/api/v1/agent/select"
CONTEXT = {"experiment_id": "0" * 32, "context": {"id": "somebody"}}


class Scene(NamedTuple):
    """Two workers, one in which things are changed and one that has to hear of it."""

    here: Worker
    there: Worker


@pytest.fixture
async def scene(settings: ProxySettings) -> AsyncIterator[Scene]:
    async with proxy(settings) as here, proxy(settings) as there:
        yield Scene(here, there)


class Credentials(NamedTuple):
    """A member with a key and an access token, both warm in the other worker."""

    admin: httpx.AsyncClient
    member: Registered
    key_id: str
    keyed: httpx.AsyncClient
    logged_in: httpx.AsyncClient

    async def statuses(self) -> list[int]:
        """With the key and with the token: a control call, and one of the hot path."""
        return [
            answer.status_code
            for client in (self.keyed, self.logged_in)
            for answer in (
                await client.get(POOLS),
                await client.post(SELECT, json=CONTEXT),
            )
        ]


@pytest.fixture
async def warm(scene: Scene) -> AsyncIterator[Credentials]:
    async with AsyncExitStack() as stack:
        founder = await sign_up(scene.here)
        admin = await stack.enter_async_context(client_of(scene.here, founder.headers))
        member = await new_member(admin, scene.here)
        async with client_of(scene.here, member.headers) as own:
            key = await new_key(own)
        keyed = await stack.enter_async_context(with_key(scene.there, key["key"]))
        logged_in = await stack.enter_async_context(
            client_of(scene.there, member.headers)
        )
        warm = Credentials(admin, member, key["id"], keyed, logged_in)
        assert await warm.statuses() == [200, 404, 200, 404]
        yield warm


async def revoke(warm: Credentials, scene: Scene) -> None:
    async with client_of(scene.here, warm.member.headers) as own:
        answer = await own.delete(f"/auth/api-keys/{warm.key_id}")
    assert answer.status_code == 200


async def rotate(warm: Credentials, scene: Scene) -> None:
    async with client_of(scene.here, warm.member.headers) as own:
        answer = await own.post(f"/auth/api-keys/{warm.key_id}/rotate")
    assert answer.status_code == 200


async def deactivate(warm: Credentials, scene: Scene) -> None:
    answer = await warm.admin.delete(f"/auth/users/{warm.member.user['id']}")
    assert answer.status_code == 200


async def demote(warm: Credentials, scene: Scene) -> None:
    url = f"/auth/users/{warm.member.user['id']}/role"
    answer = await warm.admin.put(url, json={"role": "viewer"})
    assert answer.status_code == 200


Change = Callable[[Credentials, Scene], Awaitable[None]]
GONE = [401, 401, 401, 401]
KEY_GONE = [401, 401, 200, 404]


async def becomes(warm: Credentials, wanted: list[int]) -> None:
    async def so() -> bool:
        return await warm.statuses() == wanted

    await eventually(so)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announcements are counted, and no message of them ever comes."""
    monkeypatch.setattr(
        "qbrixstore.redis.changes._ANNOUNCE", Silent("announce"), raising=True
    )


class Silent:
    """The script of an announcement without its message."""

    def __init__(self, name: str) -> None:
        self.text = "return redis.call('HINCRBY', KEYS[1], ARGV[2], 1)"
        from hashlib import sha1

        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("change", "wanted"),
    [(revoke, KEY_GONE), (rotate, KEY_GONE), (deactivate, GONE)],
)
async def test_a_change_reaches_the_other_worker(
    scene: Scene, warm: Credentials, change: Change, wanted: list[int]
) -> None:
    await change(warm, scene)
    await becomes(warm, wanted)


async def cannot_write(warm: Credentials) -> bool:
    answers = [
        await client.post(POOLS, json={"name": uuid4().hex, "arms": [{"name": "a"}]})
        for client in (warm.keyed, warm.logged_in)
    ]
    return [answer.status_code for answer in answers] == [403, 403]


async def test_a_role_reaches_keys_and_live_tokens(
    scene: Scene, warm: Credentials
) -> None:
    assert not await cannot_write(warm)
    await demote(warm, scene)
    await eventually(lambda: cannot_write(warm))


@pytest.mark.parametrize(("change", "wanted"), [(revoke, KEY_GONE), (deactivate, GONE)])
async def test_a_change_whose_message_is_dropped_is_found(
    deaf: None, scene: Scene, warm: Credentials, change: Change, wanted: list[int]
) -> None:
    await change(warm, scene)
    await becomes(warm, wanted)


async def test_a_role_whose_message_is_dropped_is_found(
    deaf: None, scene: Scene, warm: Credentials
) -> None:
    assert not await cannot_write(warm)
    await demote(warm, scene)
    await eventually(lambda: cannot_write(warm))


async def test_a_change_that_nobody_told_of_is_relayed(
    scene: Scene, engine: AsyncEngine, warm: Credentials
) -> None:
    """As when a worker dies between its commit and its announcement."""
    tenant = (await key_of(engine, warm)).tenant_id
    async with get_session(engine, tenant) as session:
        await ApiKeys(session, tenant).revoke(warm.key_id)
    await becomes(warm, KEY_GONE)

    async def told() -> bool:
        async with system_session(engine) as session:
            return not await NewsOfCredentials(session).claim()

    await eventually(told)


async def key_of(engine: AsyncEngine, warm: Credentials) -> Person:
    from qbrixstore.postgres.credentials import Credentials as Store

    async with system_session(engine) as session:
        account = await Store(session).account(warm.member.user["id"])
    return Person(account.user.tenant_id, account.user.id, warm.key_id, "")


async def test_an_announcement_names_the_user(
    settings: ProxySettings, scene: Scene, warm: Credentials
) -> None:
    async with RedisClient(settings.redis) as client:
        layout = await Layout.read(client)
        feed = Changes(client, layout).listen(keys.CREDENTIALS)
        assert await anext(feed) is None
        await demote(warm, scene)
        change = await anext(feed)
        assert change is not None
        assert change[1] == warm.member.user["id"]
