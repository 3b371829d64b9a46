"""API keys: made, listed, renamed, rotated, revoked, and what they may do."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import new_member
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.conftest import undecodable
from tests.proxy.auth.conftest import with_key
from tests.proxy.conftest import client_of
from tests.proxy.waiting import eventually
from tests.proxy.waiting import past

from proxysvc.app import Worker
from qbrixstore.postgres.access import ROLES

KEYS = "/auth/api-keys"
POOLS = "/api/v1/pools"
POOL: dict[str, Any] = {"name": "p", "arms": [{"name": "a"}]}
SHOWN = {
    "id",
    "name",
    "rate_limit_per_minute",
    "scopes",
    "created_at",
    "last_used_at",
    "expires_at",
    "is_active",
}


@pytest.mark.parametrize("prefix", ["/auth", "/api/auth"])
async def test_a_key_is_shown_once(
    worker: Worker, founder: Registered, prefix: str
) -> None:
    async with client_of(worker, founder.headers) as owner:
        made = (await owner.post(f"{prefix}/api-keys", json={})).json()
        assert set(made) == SHOWN | {"key"}
        assert made["name"] == "Default API Key"
        assert re.fullmatch(r"optiq_[A-Za-z0-9_-]{43}", made["key"])
        assert set(made["scopes"]) == ROLES["admin"]
        assert (made["rate_limit_per_minute"], made["is_active"]) == (0, True)
        assert abs(made["created_at"] - time.time()) < 600
        listed = (await owner.get(f"{prefix}/api-keys")).json()
        shown = {name: value for name, value in made.items() if name != "key"}
        assert listed == [shown]
        assert (await owner.get(f"{prefix}/api-keys/{made['id']}")).json() == shown
    async with with_key(worker, made["key"]) as client:
        assert (await client.get(POOLS)).status_code == 200


async def test_secrets_are_for_nobodys_cache(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    made = await owner.post(KEYS, json={})
    async with client_of(worker) as nobody:
        body = {"refresh_token": founder.refresh}
        pair = await nobody.post("/auth/refresh", json=body)
    for answer in (made, pair):
        assert answer.headers["cache-control"] == "no-store"


async def test_keys_are_listed_the_newest_first(owner: httpx.AsyncClient) -> None:
    made = [await new_key(owner, name=name) for name in ("a", "b", "c")]
    await owner.delete(f"{KEYS}/{made[1]['id']}")
    listed = (await owner.get(KEYS)).json()
    assert [(key["name"], key["is_active"]) for key in listed] == [
        ("c", True),
        ("b", False),
        ("a", True),
    ]


async def test_a_key_is_renamed(owner: httpx.AsyncClient) -> None:
    made = await new_key(owner, name="old")
    answer = await owner.patch(f"{KEYS}/{made['id']}", json={"name": "new"})
    assert answer.status_code == 200
    assert set(answer.json()) == SHOWN
    assert answer.json()["name"] == "new"


async def test_a_revoked_key_ends_at_once(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    made = await new_key(owner)
    url = f"{KEYS}/{made['id']}"
    async with with_key(worker, made["key"]) as client:
        assert (await client.get(POOLS)).status_code == 200
        for _ in range(2):
            answer = await owner.delete(url)
            assert (answer.status_code, set(answer.json())) == (200, {"message"})
        refused(await client.get(POOLS), 401, "INVALID_API_KEY")
    assert (await owner.get(url)).json()["is_active"] is False
    refused(await owner.post(f"{url}/rotate"), 409, "CONFLICT")


async def test_a_rotated_key_has_another_secret(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    made = await new_key(owner, name="kept", scopes=["pool:read"])
    async with with_key(worker, made["key"]) as old:
        assert (await old.get(POOLS)).status_code == 200
        answer = await owner.post(f"{KEYS}/{made['id']}/rotate")
        assert answer.status_code == 200
        rotated = answer.json()
        assert set(rotated) == SHOWN | {"key"}
        assert rotated["key"] != made["key"]
        for name in ("id", "name", "scopes", "created_at"):
            assert rotated[name] == made[name]
        refused(await old.get(POOLS), 401, "INVALID_API_KEY")
    async with with_key(worker, rotated["key"]) as new:
        assert (await new.get(POOLS)).status_code == 200
    assert len((await owner.get(KEYS)).json()) == 1


async def test_a_key_may_do_what_its_scopes_say(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    made = await new_key(owner, scopes=["pool:read", "agent:read", "pool:read"])
    assert made["scopes"] == ["agent:read", "pool:read"]
    async with with_key(worker, made["key"]) as client:
        assert (await client.get(POOLS)).status_code == 200
        refused(await client.post(POOLS, json=POOL), 403, "INSUFFICIENT_SCOPES")
        refused(await client.get("/api/v1/experiments"), 403, "INSUFFICIENT_SCOPES")


async def test_scopes_that_do_not_exist_are_refused(owner: httpx.AsyncClient) -> None:
    for scopes in (["system:admin"], ["everything"], ["pool:read", ""], []):
        refused(await owner.post(KEYS, json={"scopes": scopes}), 400, "BAD_REQUEST")


async def test_a_narrow_key_makes_no_wider_one(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    wide = await new_key(owner, name="wide")
    narrow = await new_key(owner, name="narrow", scopes=["pool:read", "agent:read"])
    async with with_key(worker, narrow["key"]) as client:
        child = await new_key(client)
        assert child["scopes"] == ["agent:read", "pool:read"]
        narrower = await new_key(client, scopes=["pool:read"])
        assert narrower["scopes"] == ["pool:read"]
        url = f"{KEYS}/{wide['id']}"
        for call in (
            client.post(KEYS, json={"scopes": ["pool:read", "pool:write"]}),
            client.post(f"{url}/rotate"),
            client.patch(url, json={"name": "mine"}),
            client.delete(url),
        ):
            refused(await call, 403, "INSUFFICIENT_SCOPES")
        assert (await client.post(f"{KEYS}/{narrow['id']}/rotate")).status_code == 200
        refused(await client.get(POOLS), 401, "INVALID_API_KEY")
    # a key of a role follows it, one that came of a narrow key does not
    async with with_key(worker, child["key"]) as client:
        refused(await client.post(POOLS, json=POOL), 403, "INSUFFICIENT_SCOPES")


async def test_a_role_bounds_the_keys_of_its_users(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    viewer = await new_member(owner, worker, "viewer")
    async with client_of(worker, viewer.headers) as client:
        made = await new_key(client)
        assert set(made["scopes"]) == ROLES["viewer"]
        answer = await client.post(KEYS, json={"scopes": ["pool:write"]})
        refused(answer, 403, "INSUFFICIENT_SCOPES")


async def test_a_key_ends_when_it_expires(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    end = float(int(time.time()) + 2)
    made = await new_key(owner, expires_at=end)
    assert made["expires_at"] == end
    async with with_key(worker, made["key"]) as client:
        await client.get(POOLS)
        await past(end)
        refused(await client.get(POOLS), 401, "INVALID_API_KEY")
    refused(await owner.post(f"{KEYS}/{made['id']}/rotate"), 409, "CONFLICT")
    late = await owner.post(KEYS, json={"expires_at": time.time() - 1})
    refused(late, 400, "BAD_REQUEST")


async def test_the_use_of_a_key_is_counted_and_noted(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    made = await new_key(owner)
    url = f"{KEYS}/{made['id']}"
    assert (await owner.get(f"{url}/usage")).json() == {
        "current_minute_usage": 0,
        "rate_limit_per_minute": 0,
    }
    seen = 0
    async with with_key(worker, made["key"]) as client:

        async def counted() -> bool:
            nonlocal seen
            await client.get(POOLS)
            usage = (await owner.get(f"{url}/usage")).json()
            seen = max(seen, usage["current_minute_usage"])
            return seen >= 5

        await eventually(counted)


async def test_what_does_not_decode_is_422(owner: httpx.AsyncClient) -> None:
    for body, loc in (
        ({"name": ""}, ["name"]),
        ({"name": "x" * 256}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"scopes": "pool:read"}, ["scopes"]),
        ({"scopes": [5]}, ["scopes", 0]),
        ({"expires_at": "tomorrow"}, ["expires_at"]),
        ({"expires_at": 1e300}, ["expires_at"]),
        ({"expires_at": -1}, ["expires_at"]),
    ):
        assert undecodable(await owner.post(KEYS, json=body)) == ["body", *loc]
    for name in (" ", "a\x00b", "line\nbreak"):
        refused(await owner.post(KEYS, json={"name": name}), 400, "BAD_REQUEST")


async def test_keys_of_others_are_not_found(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    made = await new_key(owner)
    colleague = await new_member(owner, worker, "admin")
    stranger = await sign_up(worker)
    for other in (colleague, stranger):
        async with client_of(worker, other.headers) as client:
            for key_id in (made["id"], "0" * 32, "x"):
                url = f"{KEYS}/{key_id}"
                for call in (
                    client.get(url),
                    client.patch(url, json={"name": "mine"}),
                    client.delete(url),
                    client.post(f"{url}/rotate"),
                    client.get(f"{url}/usage"),
                ):
                    refused(await call, 404, "NOT_FOUND")
            assert (await client.get(KEYS)).json() == []
    assert (await owner.get(f"{KEYS}/{made['id']}")).json()["is_active"] is True
