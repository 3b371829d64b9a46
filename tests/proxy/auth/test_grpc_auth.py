"""AuthService: who may call what, and what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person
from tests.proxy.people import add_operator
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.accounts.operators import Room
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixproto import auth_pb2 as auth
from qbrixproto import proxy_pb2
from qbrixstore.postgres.access import ROLES

NOTHING = "0" * 32
METHODS = auth.DESCRIPTOR.services_by_name["AuthService"].methods
PUBLIC = {"RegisterUser", "AuthenticateUser"}
OPERATORS = {
    "ValidateAPIKey",
    "CheckRateLimit",
    "CheckUserRateLimit",
    "CheckUserPermission",
    "CheckAPIKeyScope",
}


@pytest.fixture
async def calls(worker: Worker, admin: Person) -> AsyncIterator[Calls]:
    async with calls_to(worker, admin.key) as calls:
        yield calls


@pytest.fixture
async def operator(worker: Worker, engine: AsyncEngine) -> AsyncIterator[Calls]:
    async with calls_to(worker, await add_operator(engine)) as calls:
        yield calls


def request_of(name: str, **given: Any) -> Any:
    """A request of a method, with the fields that it has of those given."""
    (method,) = (one for one in METHODS if one.name == name)
    message = getattr(auth, method.input_type.name)
    fields = {field.name for field in method.input_type.fields}
    return message(**{name: one for name, one in given.items() if name in fields})


async def test_registering_and_authenticating_need_no_key(worker: Worker) -> None:
    email = an_email()
    async with calls_to(worker, None) as nobody:
        made = await nobody.RegisterUser(
            auth.RegisterUserRequest(
                email=email,
                password=PASSWORD,
                plan_tier=auth.PLAN_TIER_ENTERPRISE,
                role=auth.ROLE_VIEWER,
            )
        )
        user = made.user
        assert (user.email, user.role) == (email, auth.ROLE_ADMIN)
        assert user.plan_tier == auth.PLAN_TIER_SELF_HOSTED
        assert user.is_active
        assert user.created_at > 1e9
        right = auth.AuthenticateUserRequest(email=email, password=PASSWORD)
        answer = await nobody.AuthenticateUser(right)
        assert answer.authenticated
        assert answer.user.id == user.id
        wrong = auth.AuthenticateUserRequest(email=email, password="wrong")
        answer = await nobody.AuthenticateUser(wrong)
        assert not answer.authenticated
        assert not answer.HasField("user")
        for request in (
            auth.RegisterUserRequest(email="nobody", password=PASSWORD),
            auth.RegisterUserRequest(email=an_email(), password="short"),
            auth.RegisterUserRequest(),
        ):
            status, _ = await refused(nobody.RegisterUser(request))
            assert status.name == "INVALID_ARGUMENT"
        again = auth.RegisterUserRequest(email=email, password=PASSWORD)
        status, _ = await refused(nobody.RegisterUser(again))
        assert status.name == "ALREADY_EXISTS"


async def test_every_other_method_needs_the_right_caller(
    worker: Worker, engine: AsyncEngine, admin: Person
) -> None:
    member = await add_person(engine, "member", tenant_id=admin.tenant_id)
    given = {
        "user_id": member.user_id,
        "api_key_id": member.key_id,
        "email": "a@b.de",
        "role": auth.ROLE_ADMIN,
        "plan_tier": auth.PLAN_TIER_PRO,
        "plain_key": member.key,
        "required_scope": "pool:read",
    }
    async with (
        calls_to(worker, None) as nobody,
        calls_to(worker, member.key) as ordinary,
        calls_to(worker, admin.key) as powerful,
    ):
        for method in METHODS:
            if method.name in PUBLIC:
                continue
            request = request_of(method.name, **given)
            status, _ = await refused(getattr(nobody, method.name)(request))
            assert status.name == "UNAUTHENTICATED", method.name
            status, _ = await refused(getattr(ordinary, method.name)(request))
            assert status.name == "PERMISSION_DENIED", method.name
            if method.name in OPERATORS | {"UpdateUser"}:
                status, _ = await refused(getattr(powerful, method.name)(request))
                assert status.name == "PERMISSION_DENIED", method.name


async def test_users_are_read_and_changed(
    worker: Worker, engine: AsyncEngine, admin: Person, calls: Calls
) -> None:
    member = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    read = auth.GetUserRequest(user_id=member.user_id)
    user = (await calls.GetUser(read)).user
    assert (user.id, user.role) == (member.user_id, auth.ROLE_VIEWER)
    by_email = auth.GetUserByEmailRequest(email=user.email.upper())
    assert (await calls.GetUserByEmail(by_email)).user == user

    role = auth.AssignRoleRequest(user_id=user.id, role=auth.ROLE_MEMBER)
    assigned = await calls.AssignRole(role)
    assert assigned.success
    assert assigned.user.role == auth.ROLE_MEMBER
    assert assigned.user.updated_at > user.updated_at
    for wrong in (auth.ROLE_UNSPECIFIED, 77):
        request = auth.AssignRoleRequest(user_id=user.id, role=wrong)  # type: ignore[arg-type]
        status, _ = await refused(calls.AssignRole(request))
        assert status.name == "INVALID_ARGUMENT"

    gone = auth.DeactivateUserRequest(user_id=user.id)
    assert (await calls.DeactivateUser(gone)).success
    async with calls_to(worker, member.key) as theirs:
        status, _ = await refused(theirs.ListPools(proxy_pb2.ListPoolsRequest()))
        assert status.name == "UNAUTHENTICATED"
    same = await calls.UpdateUser(auth.UpdateUserRequest(user_id=user.id))
    assert not same.user.is_active
    back = auth.UpdateUserRequest(user_id=user.id, is_active=True)
    assert (await calls.UpdateUser(back)).user.is_active
    async with calls_to(worker, member.key) as theirs:
        await theirs.ListPools(proxy_pb2.ListPoolsRequest())

    last = auth.DeactivateUserRequest(user_id=admin.user_id)
    status, _ = await refused(calls.DeactivateUser(last))
    assert status.name == "FAILED_PRECONDITION"


async def test_keys_are_made_read_and_revoked(
    worker: Worker, engine: AsyncEngine, admin: Person, calls: Calls
) -> None:
    member = await add_person(engine, "member", tenant_id=admin.tenant_id)
    request = auth.CreateAPIKeyRequest(user_id=member.user_id, name="theirs")
    made = await calls.CreateAPIKey(request)
    key = made.api_key
    assert made.plain_key.startswith("optiq_")
    assert (key.user_id, key.name) == (member.user_id, "theirs")
    assert set(key.scopes) == ROLES["member"]
    assert (key.rate_limit_per_minute, key.is_active) == (0, True)
    assert not key.HasField("last_used_at")
    narrow = await calls.CreateAPIKey(
        auth.CreateAPIKeyRequest(user_id=admin.user_id, scopes=["pool:read"])
    )
    assert narrow.api_key.name == "Default API Key"
    assert list(narrow.api_key.scopes) == ["pool:read"]
    beyond = auth.CreateAPIKeyRequest(user_id=member.user_id, scopes=["user:read"])
    status, _ = await refused(calls.CreateAPIKey(beyond))
    assert status.name == "PERMISSION_DENIED"

    got = await calls.GetAPIKey(auth.GetAPIKeyRequest(api_key_id=key.id))
    assert got.api_key == key
    listed = await calls.ListUserAPIKeys(
        auth.ListUserAPIKeysRequest(user_id=member.user_id)
    )
    assert [one.id for one in listed.api_keys] == [key.id, member.key_id]

    async with calls_to(worker, made.plain_key) as theirs:
        await theirs.ListPools(proxy_pb2.ListPoolsRequest())

        async def counted() -> bool:
            await theirs.ListPools(proxy_pb2.ListPoolsRequest())
            usage = await calls.GetAPIKeyUsage(
                auth.GetAPIKeyUsageRequest(api_key_id=key.id)
            )
            return bool(usage.current_minute_usage)

        await eventually(counted)
        elsewhere = auth.DeactivateAPIKeyRequest(
            api_key_id=key.id, user_id=admin.user_id
        )
        status, _ = await refused(calls.DeactivateAPIKey(elsewhere))
        assert status.name == "NOT_FOUND"
        revoke = auth.DeactivateAPIKeyRequest(api_key_id=key.id, user_id=member.user_id)
        assert (await calls.DeactivateAPIKey(revoke)).success
        status, _ = await refused(theirs.ListPools(proxy_pb2.ListPoolsRequest()))
        assert status.name == "UNAUTHENTICATED"
    gone = await calls.GetAPIKey(auth.GetAPIKeyRequest(api_key_id=key.id))
    assert not gone.api_key.is_active


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


async def test_an_access_token_works_on_this_wire(
    worker: Worker, founder: Registered
) -> None:
    async with calls_to(worker, founder.access) as calls:
        listed = await calls.ListPools(proxy_pb2.ListPoolsRequest())
        assert not listed.pools
        read = auth.GetUserRequest(user_id=founder.user["id"])
        assert (await calls.GetUser(read)).user.email == founder.email
