"""REST: registering, logging in, and staying logged in."""

from __future__ import annotations

from typing import Annotated
from typing import Any

import msgspec
from litestar import Controller
from litestar import Request
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from proxysvc.accounts.bearer import LONGEST
from proxysvc.accounts.checks import EMAIL
from proxysvc.accounts.checks import LONGEST_EMAIL
from proxysvc.accounts.checks import LONGEST_PASSWORD
from proxysvc.accounts.checks import SHORTEST_PASSWORD
from proxysvc.accounts.logins import LoginService
from proxysvc.accounts.users import Member
from proxysvc.accounts.users import UserService
from proxysvc.http.body import StrictJSON

Email = Annotated[str, msgspec.Meta(pattern=EMAIL, max_length=LONGEST_EMAIL)]
Password = Annotated[
    str, msgspec.Meta(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)
]
Incoming = Request[Any, Any, Any]


class Registration(msgspec.Struct):
    """A stranger who wants a tenant of their own; they become its admin."""

    email: Email
    password: Password


class Login(msgspec.Struct):
    """Somebody who has an account."""

    email: str
    password: str


class RefreshToken(msgspec.Struct):
    """What a login or a former refresh answered with."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=LONGEST)]


class UserReply(msgspec.Struct):
    """A user; ``plan_tier`` is that of their tenant, times are epoch seconds."""

    id: str
    email: str
    plan_tier: str
    role: str
    created_at: float
    is_active: bool

    @classmethod
    def of(cls, member: Member) -> UserReply:
        """From what the store returned."""
        user, plan = member
        return cls(
            id=user.id,
            email=user.email,
            plan_tier=plan,
            role=user.role,
            created_at=user.created_at.timestamp(),
            is_active=user.is_active,
        )


class LoginReply(msgspec.Struct):
    """Who is logged in, and the tokens to show for it."""

    user: UserReply
    access_token: str
    refresh_token: str
    token_type: str = "bearer"


class RefreshReply(msgspec.Struct):
    """Another pair; the refresh token that was sent works for a minute more."""

    access_token: str
    refresh_token: str
    token_type: str = "bearer"


class AuthController(Controller):
    """What needs no key."""

    tags = ("auth",)
    security = []

    @post("/register", dto=StrictJSON[Registration], return_dto=None)
    async def register(
        self,
        request: Incoming,
        data: JSONBody[Registration],
        users: NamedDependency[UserService],
    ) -> UserReply:
        """Become the admin of a new tenant, where registration is open."""
        member = await users.register(peer(request), data.email, data.password)
        return UserReply.of(member)

    @post("/login", status_code=200, dto=StrictJSON[Login], return_dto=None)
    async def login(
        self,
        request: Incoming,
        data: JSONBody[Login],
        logins: NamedDependency[LoginService],
    ) -> LoginReply:
        """Get an access token and a refresh token for a password."""
        pair = await logins.login(peer(request), data.email, data.password)
        member = Member(pair.account.user, pair.account.plan)
        return LoginReply(UserReply.of(member), pair.access, pair.refresh)

    @post("/refresh", status_code=200, dto=StrictJSON[RefreshToken], return_dto=None)
    async def refresh(
        self, data: JSONBody[RefreshToken], logins: NamedDependency[LoginService]
    ) -> RefreshReply:
        """Get another access token and refresh token for a refresh token."""
        pair = await logins.refresh(data.refresh_token)
        return RefreshReply(pair.access, pair.refresh)


def peer(request: Incoming) -> str:
    """The address that a request comes from."""
    client = request.client
    return client.host if client else ""
