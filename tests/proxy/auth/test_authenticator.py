"""What the authenticator makes of news, and of the end of a key."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from tests.proxy.auth.directory import Store
from tests.proxy.auth.directory import somebody
from tests.proxy.waiting import eventually
from tests.proxy.waiting import past

from proxysvc.auth import Authenticator
from qbrixcore.errors import InvalidApiKey
from qbrixcore.errors import Unavailable


async def test_news_of_a_user_end_its_trust_and_nobody_elses() -> None:
    store = Store()
    authenticator = Authenticator(store.find)
    key = store.learn(somebody())
    other = store.learn(somebody(user_id="v"))
    for one in (key, other):
        await authenticator.principal(one)
    store.replace(role="viewer")
    authenticator.changed("t", "u")
    assert authenticator.cached(key) is None
    kept = authenticator.cached(other)
    assert kept is not None
    assert kept.role == "admin"
    assert (await authenticator.principal(key)).role == "viewer"
    assert len(store.asked) == 3


async def test_news_of_a_tenant_are_taken_in_while_it_goes_on() -> None:
    store = Store()
    authenticator = Authenticator(store.find)
    key = store.learn(somebody())
    other = store.learn(somebody(tenant_id="s", user_id="v"))
    for one in (key, other):
        await authenticator.principal(one)
    store.replace(plan="pro")
    authenticator.changed("t", "")
    warm = authenticator.cached(key)
    assert warm is not None
    assert warm.plan == "free"

    async def taken_in() -> bool:
        principal = authenticator.cached(key)
        return principal is not None and principal.plan == "pro"

    await eventually(taken_in)
    kept = authenticator.cached(other)
    assert kept is not None
    assert kept.plan == "free"


async def test_what_was_read_before_the_news_is_read_again() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find), store.learn(somebody())
    store.gate.clear()
    call = asyncio.create_task(authenticator.principal(key))
    await asyncio.sleep(0.01)
    store.replace(role="viewer")
    authenticator.changed("t", "u")
    store.gate.set()
    assert (await call).role == "viewer"
    assert len(store.asked) == 2


@pytest.mark.parametrize("gap", [False, True])
async def test_a_deactivated_user_does_not_slip_in_during_a_look_up(gap: bool) -> None:
    store = Store()
    authenticator, key = Authenticator(store.find), store.learn(somebody())
    store.gate.clear()
    call = asyncio.create_task(authenticator.principal(key))
    await asyncio.sleep(0.01)
    store.known.clear()
    if gap:
        authenticator.missed()
    else:
        authenticator.changed("t", "u")
    store.gate.set()
    with pytest.raises(InvalidApiKey):
        await call


async def test_whoever_is_under_suspicion_does_not_outlive_an_outage() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find, trust=0.0), store.learn(somebody())
    await authenticator.principal(key)
    store.away = True
    assert await authenticator.principal(key)
    authenticator.changed("t", "u")
    with pytest.raises(Unavailable):
        await authenticator.principal(key)


async def test_news_let_in_who_was_refused() -> None:
    store = Store()
    authenticator, key = Authenticator(store.find), store.learn(somebody())
    known, store.known = store.known, {}
    for _ in range(2):
        with pytest.raises(InvalidApiKey):
            await authenticator.principal(key)
    assert len(store.asked) == 1
    store.known = known
    authenticator.changed("t", "u")
    assert await authenticator.principal(key)


async def test_lost_news_are_made_up_for_in_one_question() -> None:
    store = Store()
    authenticator = Authenticator(store.find)
    keys = [store.learn(somebody(user_id=str(number))) for number in range(20)]
    for key in keys:
        await authenticator.principal(key)
    gone = hashlib.sha256(keys[0]).hexdigest()
    store.replace(role="viewer")
    del store.known[gone]
    store.asked.clear()
    catching_up = asyncio.create_task(authenticator.catch_up())
    authenticator.missed()

    async def caught_up() -> bool:
        found = [authenticator.cached(key) for key in keys]
        return [one and one.role for one in found] == [None, *["viewer"] * 19]

    await eventually(caught_up)
    assert [len(references) for references in store.asked] == [20]
    catching_up.cancel()


async def test_lost_news_are_asked_for_until_there_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxysvc.auth.RETRY_SEC", 0.01)
    store = Store()
    authenticator, key = Authenticator(store.find), store.learn(somebody())
    await authenticator.principal(key)
    store.replace(role="viewer")
    store.away = True
    catching_up = asyncio.create_task(authenticator.catch_up())
    authenticator.missed()

    async def tried() -> bool:
        return len(store.asked) > 2

    await eventually(tried)
    warm = authenticator.cached(key)
    assert warm is not None
    assert warm.role == "admin"
    store.away = False

    async def caught_up() -> bool:
        found = authenticator.cached(key)
        return found is not None and found.role == "viewer"

    await eventually(caught_up)
    catching_up.cancel()


async def test_a_key_ends_when_it_expires_also_without_the_store() -> None:
    store = Store()
    end = datetime.now(UTC) + timedelta(seconds=0.2)
    authenticator = Authenticator(store.find)
    key = store.learn(somebody(expires_at=end))
    await authenticator.principal(key)
    assert authenticator.cached(key) is not None
    store.away = True
    await past(end.timestamp())
    assert authenticator.cached(key) is None
    with pytest.raises(Unavailable):
        await authenticator.principal(key)
    store.away = False
    store.known.clear()
    with pytest.raises(InvalidApiKey):
        await authenticator.principal(key)


async def test_calls_are_counted_once_and_by_whom() -> None:
    store = Store()
    authenticator = Authenticator(store.find)
    first, second = store.learn(somebody()), store.learn(somebody(key_id="l"))
    for _ in range(3):
        await authenticator.principal(first)
    assert authenticator.cached(first)
    await authenticator.principal(second)
    calls = {principal.key_id: n for principal, n in authenticator.take_calls()}
    assert calls == {"k": 4, "l": 1}
    assert authenticator.take_calls() == []
    authenticator.cached(second)
    assert [n for _, n in authenticator.take_calls()] == [1]


async def test_the_forgotten_are_not_kept_anywhere() -> None:
    store = Store()
    authenticator = Authenticator(store.find, maxsize=10)
    for number in range(200):
        await authenticator.principal(store.learn(somebody(user_id=str(number))))
        authenticator.changed("t", str(number))
    authenticator.take_calls()
    assert len(authenticator._known._circles) <= 10
    assert len(authenticator._known.items()) <= 10
