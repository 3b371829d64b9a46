"""Every route and every method, called with the ids of another tenant's things.

A new route or method joins by itself if its ids have the usual names; what its body
must hold to get that far is said in ``walked``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from typing import NamedTuple

import grpc
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.walked import BODIES
from tests.proxy.auth.walked import CREATES
from tests.proxy.auth.walked import HIDDEN
from tests.proxy.auth.walked import LISTS
from tests.proxy.auth.walked import NO_IDS
from tests.proxy.auth.walked import NOT_FOUND
from tests.proxy.auth.walked import OTHER_ANSWERS
from tests.proxy.conftest import client_of
from tests.proxy.grpc_calls import calls_to
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings
from proxysvc.token import Keyring
from proxysvc.token import Mint
from qbrixproto import auth_pb2
from qbrixproto import proxy_pb2
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.layout import Layout


class Victim(NamedTuple):
    """Somebody whose ids became known."""

    person: Person
    client: httpx.AsyncClient
    ids: dict[str, str]

    async def everything(self) -> list[str]:
        """All that they have, as they see it; but for when a key was last used."""
        used = re.compile(r'"last_used_at":[^,}]+')
        return [
            used.sub("", (await self.client.get(path)).text)
            for path in (
                "/api/v1/pools",
                "/api/v1/experiments",
                "/auth/users",
                "/auth/api-keys",
                "/api/v1/audit",
            )
        ]


@pytest.fixture
async def victim(
    settings: ProxySettings,
    worker: Worker,
    engine: AsyncEngine,
    admin: Person,
    client: httpx.AsyncClient,
    pool: dict[str, Any],
) -> Victim:
    body = {
        "name": "e",
        "pool_id": pool["id"],
        "policy": "BetaTSPolicy",
        "feature_gate": {"default_arm_name": "red"},
    }
    experiment = (await client.post("/api/v1/experiments", json=body)).json()
    colleague = await add_person(engine, "member", tenant_id=admin.tenant_id)
    async with RedisClient(settings.redis) as redis:
        layout = await Layout.read(redis)
        definitions = Definitions(redis, layout)
        definition = await definitions.get(admin.tenant_id, experiment["id"])
    assert definition is not None
    keyring = Keyring.parse(settings.token_secret_keys, strong=False)
    token = Mint(keyring, layout).mint(definition, 0, 0, 0, 0.5, None)
    ids = {
        "pool_id": pool["id"],
        "arm_id": pool["arms"][0]["id"],
        "experiment_id": experiment["id"],
        "user_id": colleague.user_id,
        "key_id": colleague.key_id,
        "api_key_id": colleague.key_id,
        "token": token,
        "request_id": token,
    }
    return Victim(admin, client, ids)


@pytest.fixture
async def stranger(engine: AsyncEngine) -> Person:
    return await add_person(engine)


@pytest.fixture
async def strange(worker: Worker, stranger: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(worker, stranger.headers) as client:
        yield client


async def routes(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    document = (await client.get("/openapi.json")).json()
    return [
        (method, path)
        for path, methods in document["paths"].items()
        for method in methods
    ]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """A body with the victim's ids in it."""
    if isinstance(value, dict):
        return {name: filled(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, ids) for inner in value]
    return value.format(**ids) if isinstance(value, str) else value


async def test_no_route_knows_the_ids_of_others(
    victim: Victim, strange: httpx.AsyncClient
) -> None:
    before = await victim.everything()
    walked = 0
    for method, path in await routes(strange):
        route = (method, path)
        if route in NO_IDS | CREATES or route in LISTS:
            continue
        assert "{" in path or route in BODIES, f"say what {method} {path} is about"
        for shown, hidden in [("", ""), *HIDDEN.items()]:
            if not path.startswith(shown):
                continue
            url = path.replace(shown, hidden, 1).format(**victim.ids)
            body = filled(BODIES.get(route), victim.ids)
            answer = await strange.request(method, url, json=body)
            status, code = OTHER_ANSWERS.get(route, (404, answer.json().get("code")))
            assert (answer.status_code, answer.json().get("code")) == (status, code), (
                f"{method} {url}: {answer.text}"
            )
            assert status != 404 or code in NOT_FOUND, f"{method} {url}: {code}"
            walked += 1
    assert walked >= 25
    assert await victim.everything() == before


async def test_no_list_shows_the_things_of_others(
    victim: Victim, stranger: Person, strange: httpx.AsyncClient
) -> None:
    known = {route for route in await routes(strange) if "{" not in route[1]}
    assert known == NO_IDS | CREATES | set(LISTS) | {
        route for route in BODIES if "{" not in route[1]
    }
    for (method, path), where in LISTS.items():
        answer = await strange.request(method, path)
        assert answer.status_code == 200, path
        for id_ in (*victim.ids.values(), *victim.person):
            assert id_ not in answer.text, path
        found = answer.json()[where] if where else answer.json()
        assert all(one.get("id") != victim.person.user_id for one in found)
    for route in CREATES:
        answer = await strange.request(*route, json=BODIES[route])
        assert answer.status_code == 201
        for id_ in (*victim.ids.values(), *victim.person):
            assert id_ not in answer.text


SERVICES = (
    (proxy_pb2, "ProxyService"),
    (auth_pb2, "AuthService"),
)
# without ids: public, lists, and those that make something
METHODS_WITHOUT_IDS = {
    "CreatePool",
    "ListPools",
    "ListExperiments",
    "ListPolicies",
    "Health",
    "RegisterUser",
    "AuthenticateUser",
}
MORE: dict[str, dict[str, Any]] = {
    "CreateGateConfig": {"config": proxy_pb2.FeatureGateConfig()},
    "UpdateGateConfig": {"config": proxy_pb2.FeatureGateConfig()},
    "CreateExperiment": {"name": "mine", "policy": "BetaTSPolicy"},
    "UpdatePool": {"name": "mine"},
    "AssignRole": {"role": auth_pb2.ROLE_VIEWER},
    "UpdateUser": {"is_active": False},
    "Feedback": {"reward": 1.0},
}
OPERATORS = {
    "ValidateAPIKey",
    "CheckRateLimit",
    "CheckUserRateLimit",
    "CheckUserPermission",
    "CheckAPIKeyScope",
}
OTHER_STATUSES = {
    "Feedback": {"INVALID_ARGUMENT"},
    **dict.fromkeys(OPERATORS, {"PERMISSION_DENIED"}),
}


async def status_of(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


async def test_no_method_knows_the_ids_of_others(
    worker: Worker, victim: Victim, stranger: Person
) -> None:
    before = await victim.everything()
    email = (await victim.client.get("/auth/profile")).json()["email"]
    given = {**victim.ids, "email": email, "plain_key": victim.person.key}
    walked = 0
    async with calls_to(worker, stranger.key) as calls:
        for module, service in SERVICES:
            for method in module.DESCRIPTOR.services_by_name[service].methods:
                name = method.name
                if name in METHODS_WITHOUT_IDS:
                    continue
                fields = {field.name for field in method.input_type.fields}
                ids = {one: given[one] for one in fields & set(given)}
                assert ids, f"say what {name} is about"
                message = getattr(module, method.input_type.name)
                request = message(**ids, **MORE.get(name, {}))
                status = await status_of(getattr(calls, name)(request))
                wanted = OTHER_STATUSES.get(name, {"NOT_FOUND"})
                assert status in wanted, f"{service}.{name}: {status}"
                walked += 1
    assert walked >= 25
    assert await victim.everything() == before
