"""Keys become principals: from memory when warm, from Postgres otherwise."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.auth import Authenticator
from proxysvc.auth import presented_key
from qbrixcore.errors import InvalidApiKey
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unauthenticated
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import get_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.principal import Principal

POOLS = "/api/v1/pools"
SOMEBODY = Principal(
    tenant_id="t", user_id="u", key_id="k", role="admin", scopes=frozenset(), plan="p"
)


class Store:
    """Answers look-ups from a dictionary, and counts them."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}
        self.asked = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    def learn(self) -> bytes:
        key = new_key()
        self.known[hashlib.sha256(key).hexdigest()] = SOMEBODY
        return key

    async def find(self, references: Collection[str]) -> dict[str, Principal]:
        self.asked += 1
        found = {one: self.known[one] for one in references if one in self.known}
        await self.gate.wait()
        if self.away:
            raise Unavailable
        return found


def new_key() -> bytes:
    return b"optiq_" + secrets.token_urlsafe(32).encode()


async def test_a_warm_key_asks_nobody() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find), store.learn()
    assert authenticator.cached(key) is None
    assert await authenticator.principal(key) is SOMEBODY
    assert authenticator.cached(key) is SOMEBODY
    assert await authenticator.principal(key) is SOMEBODY
    assert store.asked == 1


async def test_many_at_once_ask_once() -> None:
    store = Store()
    store.gate.clear()
    authenticator, key = Authenticator(store.find), store.learn()
    calls = [asyncio.create_task(authenticator.principal(key)) for _ in range(20)]
    await asyncio.sleep(0)
    calls[0].cancel()
    store.gate.set()
    found = await asyncio.gather(*calls[1:])
    assert found == [SOMEBODY] * 19
    assert store.asked == 1


async def test_unknown_keys_are_remembered_as_such() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find), new_key()
    for _ in range(3):
        with pytest.raises(InvalidApiKey):
            await authenticator.principal(key)
    assert store.asked == 1
    store.known[hashlib.sha256(key).hexdigest()] = SOMEBODY
    authenticator.changed("t", "u")
    assert await authenticator.principal(key) is SOMEBODY


@pytest.mark.parametrize("key", [b"", b"wrong", b"\xff\xfe", b"optiq_" + b"x" * 300])
async def test_what_cannot_be_a_key_is_not_looked_up(key: bytes) -> None:
    store = Store()
    with pytest.raises(InvalidApiKey):
        await Authenticator(store.find).principal(key)
    assert store.asked == 0


async def test_look_ups_are_bounded() -> None:
    store = Store()
    store.gate.clear()
    authenticator = Authenticator(store.find, lookups=2, waiting=5)
    calls = [asyncio.create_task(authenticator.principal(new_key())) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert store.asked == 2
    with pytest.raises(Overloaded):
        await authenticator.principal(new_key())
    store.gate.set()
    refused = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, InvalidApiKey) for error in refused)


async def test_a_revoked_key_ends_when_its_trust_does() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find, trust=0.0), store.learn()
    await authenticator.principal(key)
    store.known.clear()
    assert authenticator.cached(key) is None
    with pytest.raises(InvalidApiKey):
        await authenticator.principal(key)


async def test_a_key_in_use_is_asked_about_in_the_background() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find, trust=0.2), store.learn()
    await authenticator.principal(key)
    store.known.clear()

    async def forgotten() -> bool:
        return authenticator.cached(key) is None

    await eventually(forgotten)
    with pytest.raises(InvalidApiKey):
        await authenticator.principal(key)
    assert store.asked == 2


async def test_a_known_key_outlives_an_outage_and_a_new_one_waits() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find, trust=0.0), store.learn()
    await authenticator.principal(key)
    store.away = True
    assert await authenticator.principal(key) is SOMEBODY
    other = store.learn()
    with pytest.raises(Unavailable):
        await authenticator.principal(other)
    store.away = False
    assert await authenticator.principal(other) is SOMEBODY


async def test_nobody_is_somebody_only_when_told_so() -> None:
    store = Store()
    with pytest.raises(Unauthenticated):
        await Authenticator(store.find).principal(None)
    anonymous = Authenticator(store.find, anonymous=SOMEBODY)
    assert await anonymous.principal(None) is SOMEBODY
    with pytest.raises(InvalidApiKey):
        await anonymous.principal(new_key())


def test_the_header_of_its_own_wins() -> None:
    bearer = (b"authorization", b"Bearer optiq_b")
    assert presented_key([bearer]) == b"optiq_b"
    assert presented_key([bearer, (b"x-api-key", b"optiq_a")]) == b"optiq_a"
    assert presented_key([(b"authorization", b"Basic x")]) is None
    assert presented_key([]) is None


async def test_each_answer_has_its_code(worker: Worker, admin: Person) -> None:
    async with client_of(worker) as nobody:
        for headers, code in (
            ({}, "UNAUTHORIZED"),
            ({"Authorization": "Basic abc"}, "UNAUTHORIZED"),
            ({"X-API-Key": new_key().decode()}, "INVALID_API_KEY"),
            ({"X-API-Key": "wrong"}, "INVALID_API_KEY"),
            ({"Authorization": "Bearer wrong"}, "INVALID_API_KEY"),
        ):
            answer = await nobody.get(POOLS, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
        for headers in (admin.headers, {"Authorization": f"Bearer {admin.key}"}):
            assert (await nobody.get(POOLS, headers=headers)).status_code == 200


async def test_a_revoked_key_is_refused(
    worker: Worker, engine: AsyncEngine, admin: Person
) -> None:
    async with get_session(engine, admin.tenant_id) as session:
        await ApiKeys(session, admin.tenant_id).revoke(admin.key_id)
    async with client_of(worker, admin.headers) as client:
        answer = await client.get(POOLS)
    assert answer.json()["code"] == "INVALID_API_KEY"


async def test_scopes_bound_what_a_key_may_do(
    worker: Worker, engine: AsyncEngine, client: httpx.AsyncClient, admin: Person
) -> None:
    viewer = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    body = {"name": "p", "arms": [{"name": "a"}]}
    pool = (await client.post(POOLS, json=body)).json()
    nothing = "0" * 32
    async with client_of(worker, viewer.headers) as looking:
        assert (await looking.get(f"{POOLS}/{pool['id']}")).status_code == 200
        for call in (
            looking.post(POOLS, json={**body, "name": "q"}),
            looking.patch(f"{POOLS}/{pool['id']}", json={"name": "q"}),
            looking.delete(f"{POOLS}/{pool['id']}"),
            looking.post(
                "/api/v1/experiments", json={"name": "e", "pool_id": pool["id"]}
            ),
            looking.patch(f"/api/v1/experiments/{nothing}", json={}),
            looking.delete(f"/api/v1/experiments/{nothing}"),
        ):
            answer = await call
            assert answer.status_code == 403
            assert answer.json()["code"] == "INSUFFICIENT_SCOPES"


async def test_a_narrow_key_is_narrower_than_its_owner(
    worker: Worker, engine: AsyncEngine
) -> None:
    narrow = await add_person(engine, "admin", scopes=["pool:read", "system:admin"])
    async with client_of(worker, narrow.headers) as client:
        assert (await client.get(POOLS)).status_code == 200
        assert (await client.get("/api/v1/experiments")).status_code == 403
