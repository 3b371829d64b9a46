"""AuthService: what only operators may call, over all tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.test_grpc_auth import METHODS
from tests.proxy.auth.test_grpc_auth import OPERATORS
from tests.proxy.auth.test_grpc_auth import PUBLIC
from tests.proxy.auth.test_grpc_auth import request_of
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person
from tests.proxy.people import add_operator
from tests.proxy.waiting import eventually

from proxysvc.accounts.operators import Room
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixproto import auth_pb2 as auth

NOTHING = "0" * 32


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


@pytest.fixture
async def operator(worker: Worker, engine: AsyncEngine) -> AsyncIterator[Calls]:
    async with calls_to(worker, await add_operator(engine)) as calls:
        yield calls


async def test_an_operator_asks_about_all_tenants(
    admin: Person, calls: Calls, operator: Calls
) -> None:
    valid = await operator.ValidateAPIKey(
        auth.ValidateAPIKeyRequest(plain_key=admin.key)
    )
    assert valid.valid
    assert valid.api_key.id == admin.key_id
    assert valid.api_key.user_id == admin.user_id
    for plain in ("", "optiq_nobodys", "\x00"):
        request = auth.ValidateAPIKeyRequest(plain_key=plain)
        answer = await operator.ValidateAPIKey(request)
        assert not answer.valid
        assert not answer.HasField("api_key")

    async def may(**scope: str) -> tuple[bool, bool]:
        user = auth.CheckUserPermissionRequest(user_id=admin.user_id, **scope)
        key = auth.CheckAPIKeyScopeRequest(api_key_id=admin.key_id, **scope)
        return (
            (await operator.CheckUserPermission(user)).has_permission,
            (await operator.CheckAPIKeyScope(key)).has_scope,
        )

    assert await may(required_scope="user:write") == (True, True)
    assert await may(required_scope="system:admin") == (False, False)
    assert await may() == (False, False)
    room = await operator.CheckRateLimit(
        auth.CheckRateLimitRequest(api_key_id=admin.key_id)
    )
    assert (room.allowed, room.remaining, room.limit) == (True, 0, 0)
    revoke = auth.DeactivateAPIKeyRequest(api_key_id=admin.key_id)
    await calls.DeactivateAPIKey(revoke)
    assert await may(required_scope="user:write") == (True, False)
    gone = auth.ValidateAPIKeyRequest(plain_key=admin.key)
    assert not (await operator.ValidateAPIKey(gone)).valid
    for name in OPERATORS - {"ValidateAPIKey"}:
        for nothing in (NOTHING, "x", ""):
            request = request_of(name, user_id=nothing, api_key_id=nothing)
            status, _ = await refused(getattr(operator, name)(request))
            assert status.name == "NOT_FOUND", name


async def test_an_operator_is_no_admin_of_a_tenant(
    admin: Person, operator: Calls
) -> None:
    given = {"user_id": admin.user_id, "api_key_id": admin.key_id, "is_active": False}
    for method in METHODS:
        if method.name in PUBLIC | OPERATORS:
            continue
        request = request_of(method.name, **given, role=auth.ROLE_VIEWER)
        status, _ = await refused(getattr(operator, method.name)(request))
        assert status.name == "NOT_FOUND", method.name


async def test_an_operator_puts_a_tenant_on_a_plan(
    settings: ProxySettings, engine: AsyncEngine, admin: Person
) -> None:
    plans = ("enterprise:500000/0/0", "pro:100000/3/0")
    limited = msgspec.structs.replace(settings, plan_limits=plans)
    operator_key = await add_operator(engine)
    async with (
        proxy(limited) as worker,
        calls_to(worker, operator_key) as operator,
        calls_to(worker, admin.key) as calls,
    ):
        read = auth.GetUserRequest(user_id=admin.user_id)
        before = (await calls.GetUser(read)).user
        assert before.plan_tier == auth.PLAN_TIER_SELF_HOSTED
        request = auth.UpdateUserRequest(
            user_id=admin.user_id, plan_tier=auth.PLAN_TIER_PRO
        )
        assert (await operator.UpdateUser(request)).user.plan_tier == auth.PLAN_TIER_PRO
        status, _ = await refused(calls.UpdateUser(request))
        assert status.name == "PERMISSION_DENIED"

        async def known() -> bool:
            user = (await calls.GetUser(read)).user
            return bool(user.plan_tier == auth.PLAN_TIER_PRO)

        await eventually(known)
        key = await calls.GetAPIKey(auth.GetAPIKeyRequest(api_key_id=admin.key_id))
        assert key.api_key.rate_limit_per_minute == 100_000

        async def counted() -> bool:
            await calls.GetUser(read)
            check = auth.CheckRateLimitRequest(api_key_id=admin.key_id)
            room = await operator.CheckRateLimit(check)
            user = auth.CheckUserRateLimitRequest(user_id=admin.user_id)
            of_user = await operator.CheckUserRateLimit(user)
            assert room.limit == of_user.limit == 100_000
            assert room.allowed
            return 0 < room.remaining < room.limit > of_user.remaining > 0

        await eventually(counted)

        both = auth.UpdateUserRequest(
            user_id=admin.user_id, plan_tier=auth.PLAN_TIER_PRO, is_active=True
        )
        free = auth.UpdateUserRequest(
            user_id=admin.user_id, plan_tier=auth.PLAN_TIER_FREE
        )
        none = auth.UpdateUserRequest(
            user_id=admin.user_id, plan_tier=auth.PLAN_TIER_UNSPECIFIED
        )
        for wrong in (both, free, none):
            status, _ = await refused(operator.UpdateUser(wrong))
            assert status.name == "INVALID_ARGUMENT"


def test_what_is_left_of_a_minute() -> None:
    assert [Room(3, used).remaining for used in range(5)] == [3, 2, 1, 0, 0]
    assert [Room(3, used).allowed for used in range(5)] == [True] * 3 + [False] * 2
    assert (Room(0, 99).allowed, Room(0, 99).remaining) == (True, 0)
