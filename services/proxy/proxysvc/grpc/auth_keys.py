"""AuthService: API keys."""

from __future__ import annotations

from proxysvc.accounts.keys import KeyService
from proxysvc.accounts.operators import OperatorService
from proxysvc.grpc import auth_messages as messages
from proxysvc.grpc.base import Methods
from proxysvc.grpc.caller import Context
from qbrixproto import auth_pb2 as auth

DEFAULT_NAME = "Default API Key"


class KeyMethods(Methods):
    """The methods about keys: of every user of the caller's tenant."""

    keys: KeyService
    operators: OperatorService

    async def CreateAPIKey(
        self, request: auth.CreateAPIKeyRequest, context: Context
    ) -> auth.CreateAPIKeyResponse:
        """A new key of a user; its plain text is shown only here."""
        made = await self.keys.create(
            await self.caller(),
            request.name or DEFAULT_NAME,
            list(request.scopes) or None,
            user_id=request.user_id,
        )
        key = messages.api_key(made.shown)
        return auth.CreateAPIKeyResponse(api_key=key, plain_key=made.plain)

    async def GetAPIKey(
        self, request: auth.GetAPIKeyRequest, context: Context
    ) -> auth.GetAPIKeyResponse:
        """One key of the caller's tenant."""
        caller = await self.caller()
        shown = await self.keys.get(caller, request.api_key_id, anyone=True)
        return auth.GetAPIKeyResponse(api_key=messages.api_key(shown))

    async def ValidateAPIKey(
        self, request: auth.ValidateAPIKeyRequest, context: Context
    ) -> auth.ValidateAPIKeyResponse:
        """Whether a key of any tenant works now."""
        caller = await self.caller()
        shown = await self.operators.validate(caller, request.plain_key)
        if shown is None:
            return auth.ValidateAPIKeyResponse(valid=False)
        return auth.ValidateAPIKeyResponse(valid=True, api_key=messages.api_key(shown))

    async def ListUserAPIKeys(
        self, request: auth.ListUserAPIKeysRequest, context: Context
    ) -> auth.ListUserAPIKeysResponse:
        """The keys of a user, the newest first, revoked ones included."""
        found = await self.keys.of_user(await self.caller(), request.user_id)
        keys = [messages.api_key(shown) for shown in found]
        return auth.ListUserAPIKeysResponse(api_keys=keys)

    async def DeactivateAPIKey(
        self, request: auth.DeactivateAPIKeyRequest, context: Context
    ) -> auth.DeactivateAPIKeyResponse:
        """Revoke a key of a user, for good; without a user it is of anybody."""
        await self.keys.revoke(
            await self.caller(),
            request.api_key_id,
            anyone=True,
            owner_id=request.user_id,
        )
        return auth.DeactivateAPIKeyResponse(success=True)

    async def GetAPIKeyUsage(
        self, request: auth.GetAPIKeyUsageRequest, context: Context
    ) -> auth.GetAPIKeyUsageResponse:
        """How often a key was used in this minute."""
        caller = await self.caller()
        used, allowed = await self.keys.usage(caller, request.api_key_id, anyone=True)
        return auth.GetAPIKeyUsageResponse(
            current_minute_usage=used, rate_limit_per_minute=allowed
        )

    async def CheckRateLimit(
        self, request: auth.CheckRateLimitRequest, context: Context
    ) -> auth.CheckRateLimitResponse:
        """What is left of this minute for a key of any tenant."""
        caller = await self.caller()
        room = await self.operators.key_room(caller, request.api_key_id)
        return auth.CheckRateLimitResponse(
            allowed=room.allowed, remaining=room.remaining, limit=room.limit
        )

    async def CheckAPIKeyScope(
        self, request: auth.CheckAPIKeyScopeRequest, context: Context
    ) -> auth.CheckAPIKeyScopeResponse:
        """Whether a key of any tenant works and has a scope."""
        caller = await self.caller()
        may = await self.operators.key_may(
            caller, request.api_key_id, request.required_scope
        )
        return auth.CheckAPIKeyScopeResponse(has_scope=may)
