"""REST: the caller, and the users of the caller's tenant."""

from __future__ import annotations

from typing import Annotated
from typing import Literal

import msgspec
from litestar import Controller
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar import put
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.accounts.checks import LONGEST_PASSWORD
from proxysvc.accounts.logins import LoginService
from proxysvc.accounts.users import UserService
from proxysvc.http.auth import Email
from proxysvc.http.auth import Password
from proxysvc.http.auth import UserReply
from proxysvc.http.body import StrictJSON
from proxysvc.http.paging import Limit
from proxysvc.http.paging import Offset
from proxysvc.http.replies import Message
from qbrixstore.postgres.access import ROLES
from qbrixstore.postgres.principal import Principal

RoleName = Literal["admin", "member", "viewer"]
ROLE_TEXTS: dict[str, str] = {
    "viewer": "reads everything and selects",
    "member": "also makes, changes and deletes, and sends feedback",
    "admin": "also manages the users of the tenant and reads its audit log",
}


class UserCreate(msgspec.Struct):
    """A new user of the caller's tenant."""

    email: Email
    password: Password
    role: RoleName = "member"


class UserUpdate(msgspec.Struct):
    """Changes of a user; what is absent or null stays."""

    role: RoleName | None = None
    is_active: bool | None = None


class RoleUpdate(msgspec.Struct):
    """Another role for a user."""

    role: RoleName


class PasswordUpdate(msgspec.Struct):
    """Another password for the caller."""

    current_password: Annotated[str, msgspec.Meta(max_length=LONGEST_PASSWORD)]
    new_password: Password


class UserPage(msgspec.Struct):
    """Some users, and the page asked for."""

    users: list[UserReply]
    limit: int
    offset: int


class RoleReply(msgspec.Struct):
    """A role that users may have."""

    name: str
    description: str
    scopes: list[str]


class RoleList(msgspec.Struct):
    """Every role."""

    roles: list[RoleReply]


class ProfileController(Controller):
    """The caller."""

    tags = ("auth",)

    @get("/profile")
    async def get_profile(
        self,
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> UserReply:
        """Get the user that makes this request."""
        return UserReply.of(await users.profile(principal))

    @put("/profile/password", dto=StrictJSON[PasswordUpdate], return_dto=None)
    async def change_password(
        self,
        data: JSONBody[PasswordUpdate],
        logins: NamedDependency[LoginService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Set another password; every login of the user ends, API keys stay."""
        await logins.change_password(
            principal, data.current_password, data.new_password
        )
        return Message("password changed: log in again")

    @get("/roles")
    async def get_roles(self) -> RoleList:
        """List the roles and what they may do."""
        return RoleList(
            [
                RoleReply(name, ROLE_TEXTS[name], sorted(scopes))
                for name, scopes in ROLES.items()
            ]
        )


class UserController(Controller):
    """Users of the caller's tenant."""

    path = "/users"
    tags = ("users",)

    @post(dto=StrictJSON[UserCreate], return_dto=None)
    async def add_user(
        self,
        data: JSONBody[UserCreate],
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> UserReply:
        """Add a user to the tenant."""
        member = await users.add(principal, data.email, data.password, data.role)
        return UserReply.of(member)

    @get()
    async def list_users(
        self,
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> UserPage:
        """List the users of the tenant, the newest first."""
        members = await users.page(principal, limit, offset)
        return UserPage([UserReply.of(one) for one in members], limit, offset)

    @get("/{user_id:str}")
    async def get_user(
        self,
        user_id: FromPath[str],
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> UserReply:
        """Get a user."""
        return UserReply.of(await users.get(principal, user_id))

    @patch("/{user_id:str}", dto=StrictJSON[UserUpdate], return_dto=None)
    async def update_user(
        self,
        user_id: FromPath[str],
        data: JSONBody[UserUpdate],
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> UserReply:
        """Change the role of a user, or let them in again."""
        member = await users.update(principal, user_id, data.role, data.is_active)
        return UserReply.of(member)

    @put("/{user_id:str}/role", dto=StrictJSON[RoleUpdate], return_dto=None)
    async def assign_role(
        self,
        user_id: FromPath[str],
        data: JSONBody[RoleUpdate],
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Give a user another role."""
        await users.update(principal, user_id, role=data.role)
        return Message(f"role of {user_id} is {data.role}")

    @delete("/{user_id:str}", status_code=200)
    async def deactivate_user(
        self,
        user_id: FromPath[str],
        users: NamedDependency[UserService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Let a user in no more, with any key or login."""
        await users.update(principal, user_id, is_active=False)
        return Message(f"user deactivated: {user_id}")
