"""The caller that ``PROXY_AUTH=off`` stands for, as a real tenant and user."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import NameTaken
from qbrixstore.postgres import system_session
from qbrixstore.postgres.access import DEFAULT_PLAN
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

TENANT: Final = "dev-tenant"
EMAIL: Final = "dev-user@localhost"
ROLE: Final = "admin"
_NO_PASSWORD: Final = "!"


async def development_principal(engine: AsyncEngine) -> Principal:
    """The administrator of the development tenant, made if need be.

    Raises Unavailable.
    """
    try:
        await _create(engine)
    except NameTaken:
        pass
    async with system_session(engine) as session:
        account = await Credentials(session).by_email(EMAIL)
    assert account is not None
    return Principal(
        tenant_id=account.user.tenant_id,
        user_id=account.user.id,
        key_id="",
        role=account.user.role,
        scopes=effective(account.user.role, None),
        plan=account.plan,
    )


async def _create(engine: AsyncEngine) -> None:
    """Raises NameTaken, and then leaves nothing behind."""
    async with system_session(engine) as session:
        if await Credentials(session).by_email(EMAIL) is not None:
            return
        tenant = await Tenants(session).add(TENANT, DEFAULT_PLAN)
        await Users(session, tenant.id).add(EMAIL, _NO_PASSWORD, ROLE)
