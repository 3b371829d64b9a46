"""What only those may do who run the system, over all of its tenants."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.keys import ShownKey
from proxysvc.accounts.keys import least
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.usage import UsageMeter
from proxysvc.accounts.users import Member
from proxysvc.audit import note
from proxysvc.inputs import check_id
from proxysvc.inputs import is_id
from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import system_session
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import Account
from qbrixstore.postgres.records import KeyHolder
from qbrixstore.postgres.tenants import Tenants


class Room(NamedTuple):
    """What is left of a minute; a limit of 0 is none."""

    limit: int
    used: int

    @property
    def remaining(self) -> int:
        """Calls that are still allowed, 0 without a limit."""
        return max(0, self.limit - self.used)

    @property
    def allowed(self) -> bool:
        """Whether one more call is."""
        return not self.limit or self.used < self.limit


class OperatorService:
    """Every method raises InsufficientScopes and Unavailable beside what it names."""

    def __init__(
        self, engine: AsyncEngine, plans: Plans, herald: Herald, meter: UsageMeter
    ) -> None:
        self._engine = engine
        self._plans = plans
        self._herald = herald
        self._meter = meter

    async def set_plan(self, caller: Principal, user_id: str, plan: str) -> Member:
        """Put the tenant of a user on a plan. Raises UserNotFound, Invalid."""
        scopes.require_operator(caller)
        self._plans.check(plan)
        user = (await self._account(user_id)).user
        tenant = user.tenant_id
        async with system_session(self._engine) as session:
            await Tenants(session).set_plan(tenant, plan)
            changes = {"plan": plan}
            await note(session, caller, "tenant.update", tenant, changes, tenant)
        await self._herald.tell(tenant)
        return Member(user, plan)

    async def validate(self, caller: Principal, plain: str) -> ShownKey | None:
        """The key with this plain text if it works now."""
        scopes.require_operator(caller)
        digest = hashlib.sha256(plain.encode()).hexdigest()
        async with system_session(self._engine) as session:
            credentials = Credentials(session)
            principal = await credentials.by_digest(digest)
            if principal is None:
                return None
            holder = await credentials.key(principal.key_id)
        rate = least(holder.key.rate_limit, self._rate(holder.plan))
        return ShownKey(holder.key, sorted(principal.scopes), rate)

    async def key_room(self, caller: Principal, key_id: str) -> Room:
        """What is left of this minute for a key. Raises NotFound."""
        scopes.require_operator(caller)
        holder = await self._key(key_id)
        rate = least(holder.key.rate_limit, self._rate(holder.plan))
        return Room(rate, await self._meter.this_minute(key_id))

    async def user_room(self, caller: Principal, user_id: str) -> Room:
        """What is left of this minute for a user. Raises UserNotFound."""
        scopes.require_operator(caller)
        plan = (await self._account(user_id)).plan
        return Room(self._rate(plan), await self._meter.this_minute(user_id))

    async def user_may(self, caller: Principal, user_id: str, scope: str) -> bool:
        """Whether an active user's role has a scope. Raises UserNotFound."""
        scopes.require_operator(caller)
        user = (await self._account(user_id)).user
        return user.is_active and scope in effective(user.role, None)

    async def key_may(self, caller: Principal, key_id: str, scope: str) -> bool:
        """Whether a key that works now has a scope. Raises NotFound."""
        scopes.require_operator(caller)
        key = await self._key(key_id)
        return key.works and scope in effective(key.role, key.key.scopes)

    async def _account(self, user_id: str) -> Account:
        check_id(user_id, UserNotFound)
        async with system_session(self._engine) as session:
            return await Credentials(session).account(user_id)

    async def _key(self, key_id: str) -> KeyHolder:
        if not is_id(key_id):
            raise NotFound("api key not found")
        async with system_session(self._engine) as session:
            return await Credentials(session).key(key_id)

    def _rate(self, plan: str) -> int:
        return self._plans.of(plan).requests_per_minute
