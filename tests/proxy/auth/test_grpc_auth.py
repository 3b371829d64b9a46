"""AuthService: who may call what, and what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.grpc_calls import Calls
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from qbrixproto import auth_pb2 as auth
from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub
from qbrixstore.postgres.access import ROLES

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


async def test_an_access_token_works_on_this_wire(
    worker: Worker, founder: Registered
) -> None:
    async with calls_to(worker, founder.access) as calls:
        listed = await calls.ListPools(proxy_pb2.ListPoolsRequest())
        assert not listed.pools
        read = auth.GetUserRequest(user_id=founder.user["id"])
        assert (await calls.GetUser(read)).user.email == founder.email


async def test_a_key_comes_by_its_name_or_as_a_bearer_token(
    worker: Worker, admin: Person
) -> None:
    """As over REST: the named one counts, wherever the other one stands."""
    own, bearer = ("x-api-key", admin.key), ("authorization", f"Bearer {admin.key}")
    wrong = (("x-api-key", "optiq_wrong"), ("authorization", "Bearer optiq_wrong"))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc_port}") as channel:
        list_pools = ProxyServiceStub(channel).ListPools
        request = proxy_pb2.ListPoolsRequest()
        for given in ((own,), (bearer,), (wrong[1], own), (own, wrong[1])):
            assert await list_pools(request, metadata=given) is not None
        for given in ((wrong[0], bearer), (bearer, wrong[0]), (wrong[1],), ()):
            status, _ = await refused(list_pools(request, metadata=given))
            assert status.name == "UNAUTHENTICATED", given
