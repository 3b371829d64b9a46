"""Access tokens in the authenticator: verified once, for as long as they work."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from tests.proxy.auth.directory import Store
from tests.proxy.auth.directory import somebody
from tests.proxy.waiting import past

from proxysvc.auth import Authenticator
from qbrixcore.errors import InvalidApiKey
from qbrixcore.errors import InvalidBearer

TOKEN = b"a.b.c"


class Token(NamedTuple):
    sid: str
    exp: float


class Reader:
    """Reads one token, and counts."""

    def __init__(self, exp: float) -> None:
        self.exp = exp
        self.read = 0

    def __call__(self, token: bytes) -> Token:
        self.read += 1
        if token != TOKEN or time.time() > self.exp:
            raise InvalidBearer
        return Token("login", self.exp)


async def test_an_access_token_is_verified_once() -> None:
    store, reader = Store(), Reader(time.time() + 60)
    store.known["login"] = somebody(key_id="")
    authenticator = Authenticator(store.find, reader)
    for _ in range(3):
        assert (await authenticator.principal(TOKEN)).key_id == ""
    assert authenticator.cached(TOKEN) is not None
    assert (reader.read, store.asked) == (1, [{"login"}])


async def test_an_access_token_ends_when_it_expires() -> None:
    store, reader = Store(), Reader(time.time() + 0.2)
    store.known["login"] = somebody()
    authenticator = Authenticator(store.find, reader)
    await authenticator.principal(TOKEN)
    await past(reader.exp)
    assert authenticator.cached(TOKEN) is None
    with pytest.raises(InvalidBearer):
        await authenticator.principal(TOKEN)


async def test_a_token_of_a_revoked_login_is_no_token() -> None:
    store, reader = Store(), Reader(time.time() + 60)
    authenticator = Authenticator(store.find, reader)
    for _ in range(2):
        with pytest.raises(InvalidBearer):
            await authenticator.principal(TOKEN)
    assert len(store.asked) == 1


async def test_forged_tokens_never_reach_the_store() -> None:
    store, reader = Store(), Reader(time.time() + 60)
    authenticator = Authenticator(store.find, reader)
    for token in (b"x.y.z", b"..", b"a.b.d"):
        with pytest.raises(InvalidBearer):
            await authenticator.principal(token)
    with pytest.raises(InvalidApiKey):
        await authenticator.principal(b"a.b")
    assert store.asked == []
