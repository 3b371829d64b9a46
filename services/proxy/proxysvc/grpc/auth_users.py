"""AuthService: users."""

from __future__ import annotations

from proxysvc.accounts.logins import LoginService
from proxysvc.accounts.operators import OperatorService
from proxysvc.accounts.users import Member
from proxysvc.accounts.users import UserService
from proxysvc.grpc import auth_messages as messages
from proxysvc.grpc.base import Methods
from proxysvc.grpc.caller import Context
from proxysvc.grpc.caller import address
from qbrixcore.errors import Invalid
from qbrixproto import auth_pb2 as auth


class AccountMethods(Methods):
    """The methods about users."""

    logins: LoginService
    users: UserService
    operators: OperatorService

    async def RegisterUser(
        self, request: auth.RegisterUserRequest, context: Context
    ) -> auth.RegisterUserResponse:
        """The admin of a new tenant; who registers chooses neither plan nor role."""
        member = await self.users.register(
            address(context), request.email, request.password
        )
        return auth.RegisterUserResponse(user=messages.user(member))

    async def AuthenticateUser(
        self, request: auth.AuthenticateUserRequest, context: Context
    ) -> auth.AuthenticateUserResponse:
        """Whose e-mail and password these are, if anybody's."""
        account = await self.logins.authenticate(
            address(context), request.email, request.password
        )
        if account is None:
            return auth.AuthenticateUserResponse(authenticated=False)
        user = messages.user(Member(account.user, account.plan))
        return auth.AuthenticateUserResponse(authenticated=True, user=user)

    async def GetUser(
        self, request: auth.GetUserRequest, context: Context
    ) -> auth.GetUserResponse:
        """One user of the caller's tenant."""
        member = await self.users.get(await self.caller(), request.user_id)
        return auth.GetUserResponse(user=messages.user(member))

    async def GetUserByEmail(
        self, request: auth.GetUserByEmailRequest, context: Context
    ) -> auth.GetUserByEmailResponse:
        """The user of the caller's tenant with an address."""
        member = await self.users.by_email(await self.caller(), request.email)
        return auth.GetUserByEmailResponse(user=messages.user(member))

    async def UpdateUser(
        self, request: auth.UpdateUserRequest, context: Context
    ) -> auth.UpdateUserResponse:
        """Put the user's tenant on a plan, or let the user in or out."""
        caller = await self.caller()
        if request.HasField("plan_tier"):
            if request.HasField("is_active"):
                raise Invalid("an operator sets the plan, an admin is_active")
            plan = messages.plan_name(request.plan_tier)
            member = await self.operators.set_plan(caller, request.user_id, plan)
        else:
            active = request.is_active if request.HasField("is_active") else None
            member = await self.users.update(caller, request.user_id, is_active=active)
        return auth.UpdateUserResponse(user=messages.user(member))

    async def DeactivateUser(
        self, request: auth.DeactivateUserRequest, context: Context
    ) -> auth.DeactivateUserResponse:
        """Let the user in no more, with any key or login."""
        caller = await self.caller()
        await self.users.update(caller, request.user_id, is_active=False)
        return auth.DeactivateUserResponse(success=True)

    async def AssignRole(
        self, request: auth.AssignRoleRequest, context: Context
    ) -> auth.AssignRoleResponse:
        """Give the user another role."""
        caller = await self.caller()
        role = messages.role_name(request.role)
        member = await self.users.update(caller, request.user_id, role=role)
        return auth.AssignRoleResponse(success=True, user=messages.user(member))

    async def CheckUserRateLimit(
        self, request: auth.CheckUserRateLimitRequest, context: Context
    ) -> auth.CheckUserRateLimitResponse:
        """What is left of this minute for a user of any tenant."""
        caller = await self.caller()
        room = await self.operators.user_room(caller, request.user_id)
        return auth.CheckUserRateLimitResponse(
            allowed=room.allowed, remaining=room.remaining, limit=room.limit
        )

    async def CheckUserPermission(
        self, request: auth.CheckUserPermissionRequest, context: Context
    ) -> auth.CheckUserPermissionResponse:
        """Whether the role of a user of any tenant has a scope."""
        caller = await self.caller()
        may = await self.operators.user_may(
            caller, request.user_id, request.required_scope
        )
        return auth.CheckUserPermissionResponse(has_permission=may)
