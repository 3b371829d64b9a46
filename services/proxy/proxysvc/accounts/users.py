"""The people of a tenant, whichever wire asks about them."""

from __future__ import annotations

from typing import Final
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.accounts.checks import check_email
from proxysvc.accounts.checks import check_password
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.audit import note
from proxysvc.inputs import LONGEST_NAME
from proxysvc.inputs import check_page
from proxysvc.inputs import is_id
from qbrixcore.errors import Denied
from qbrixcore.errors import UserNotFound
from qbrixserving.passwords import Passwords
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.access import check_role
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import User
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

FOUNDER: Final = "admin"  # role of whoever registers


class Member(NamedTuple):
    """A user, and the plan of their tenant."""

    user: User
    plan: str


class UserService:
    """Every method raises Unavailable beside what it names.

    Nobody gives a role, or changes somebody with a role, that may do what they may not.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        plans: Plans,
        door: Doorkeeper,
        herald: Herald,
        open_to_strangers: bool,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._plans = plans
        self._door = door
        self._herald = herald
        self._open = open_to_strangers

    async def register(self, address: str, email: str, password: str) -> Member:
        """The admin of a new tenant on the default plan.

        Raises Denied where registration is closed, Invalid, UserExists, Overloaded.
        """
        if not self._open:
            raise Denied("registration is closed here: ask an admin to add you")
        check_email(email)
        check_password(password)
        self._door.admit(address, email)
        hashed = await self._passwords.hash(password)
        name = email.strip().partition("@")[0][:LONGEST_NAME]
        async with system_session(self._engine) as session:
            tenant = await Tenants(session).add(name, self._plans.default)
            user = await Users(session, tenant.id).add(email, hashed, FOUNDER)
            actor = _as_principal(user, tenant.plan)
            await note(session, actor, "user.register", user.id, {"email": user.email})
        return Member(user, tenant.plan)

    async def add(
        self, caller: Principal, email: str, password: str, role: str
    ) -> Member:
        """A new user of the caller's tenant. Raises Invalid, UserExists, Overloaded."""
        scopes.require(caller, scopes.USER_WRITE)
        check_role(role)
        scopes.require_all(caller, effective(role, None))
        check_email(email)
        check_password(password)
        hashed = await self._passwords.hash(password)
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            user = await Users(session, tenant).add(email, hashed, role)
            made = {"email": user.email, "role": role}
            await note(session, caller, "user.create", user.id, made)
        return Member(user, caller.plan)

    async def profile(self, caller: Principal) -> Member:
        """The caller. Raises UserNotFound."""
        return await self._read(caller, caller.user_id)

    async def get(self, caller: Principal, user_id: str) -> Member:
        """Raises UserNotFound."""
        scopes.require(caller, scopes.USER_READ)
        return await self._read(caller, user_id)

    async def by_email(self, caller: Principal, email: str) -> Member:
        """Raises UserNotFound."""
        scopes.require(caller, scopes.USER_READ)
        async with get_session(self._engine, caller.tenant_id) as session:
            user = await Users(session, caller.tenant_id).by_email(email)
        return Member(user, caller.plan)

    async def page(self, caller: Principal, limit: int, offset: int) -> list[Member]:
        """Users, the newest first. Raises Invalid."""
        scopes.require(caller, scopes.USER_READ)
        check_page(limit, offset)
        async with get_session(self._engine, caller.tenant_id) as session:
            users = await Users(session, caller.tenant_id).page(limit, offset)
        return [Member(user, caller.plan) for user in users]

    async def update(
        self,
        caller: Principal,
        user_id: str,
        role: str | None = None,
        is_active: bool | None = None,
    ) -> Member:
        """Change what is given; it holds for keys and logins within a second.

        Raises UserNotFound, Invalid, and Conflict for the last active admin.
        """
        scopes.require(caller, scopes.USER_WRITE)
        if is_active is not None:
            scopes.require(caller, scopes.USER_DELETE)
        if role is not None:
            check_role(role)
            scopes.require_all(caller, effective(role, None))
        given = {"role": role, "is_active": is_active}
        changes = {name: value for name, value in given.items() if value is not None}
        async with get_session(self._engine, caller.tenant_id) as session:
            users = Users(session, caller.tenant_id)
            before = await users.get(_checked(user_id))
            if not changes:
                return Member(before, caller.plan)
            scopes.require_all(caller, effective(before.role, None))
            user = await users.update(user_id, role, is_active)
            await note(session, caller, "user.update", user_id, changes)
        await self._herald.tell(caller.tenant_id, user_id)
        return Member(user, caller.plan)

    async def _read(self, caller: Principal, user_id: str) -> Member:
        async with get_session(self._engine, caller.tenant_id) as session:
            user = await Users(session, caller.tenant_id).get(_checked(user_id))
        return Member(user, caller.plan)


def _checked(user_id: str) -> str:
    if not is_id(user_id):
        raise UserNotFound()
    return user_id


def _as_principal(user: User, plan: str) -> Principal:
    return Principal(
        tenant_id=user.tenant_id,
        user_id=user.id,
        key_id="",
        role=user.role,
        scopes=effective(user.role, None),
        plan=plan,
    )
