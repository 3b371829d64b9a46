"""What is above all tenants, done in Postgres itself.

Whoever may run it can read the database, and so needs no other credential.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from proxysvc.accounts.checks import check_email
from proxysvc.accounts.users import FOUNDER
from proxysvc.inputs import LONGEST_NAME
from qbrixcli.credentials import new_api_key
from qbrixcli.credentials import new_password
from qbrixcli.embedded.errors import StartError
from qbrixcli.maintenance import reach_postgres
from qbrixcore.errors import QbrixError
from qbrixserving.passwords import Passwords
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.operators import Operators
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

Work = Callable[[AsyncSession, argparse.Namespace], Awaitable[str]]


async def with_postgres(
    work: Work, options: argparse.Namespace, environ: Mapping[str, str]
) -> str:
    """What the work, one transaction, has to say. Raises StartError."""
    async with reach_postgres(environ) as settings:
        engine = init_db(settings)
        try:
            async with system_session(engine) as session:
                return await work(session, options)
        except QbrixError as error:
            raise StartError(str(error)) from error
        finally:
            await engine.dispose()


async def create(session: AsyncSession, options: argparse.Namespace) -> str:
    """A new operator with a key, which is shown here only."""
    plain = new_api_key()
    digest = hashlib.sha256(plain.encode()).hexdigest()
    key = await Operators(session).add(digest, options.name)
    return f"{plain}\nthe key {key.id} may do everything, and is shown only now"


async def show(session: AsyncSession, options: argparse.Namespace) -> str:
    """A line for each key of an operator."""
    keys = await Operators(session).keys()
    return "\n".join(
        f"{key.id}  {key.created_at:%Y-%m-%d %H:%M}"
        f"  {'active ' if key.is_active else 'revoked'}  {key.name}"
        for key in keys
    )


async def revoke(session: AsyncSession, options: argparse.Namespace) -> str:
    """A key that works no more. Raises NotFound."""
    await Operators(session).revoke(options.key)
    return f"the key {options.key} is revoked"


async def admit(session: AsyncSession, options: argparse.Namespace) -> str:
    """A new tenant and its admin, unless that one is there. Raises StartError, Invalid.

    The way in where strangers cannot register.
    """
    check_email(options.email)
    known = await Credentials(session).by_email(options.email)
    if known is not None:
        user = known.user
        if user.role != FOUNDER or not user.is_active:
            state = user.role if user.is_active else "deactivated"
            raise StartError(f"{user.email} is there already, and is {state}")
        return f"{user.email} is an admin already; nothing was changed"
    password = new_password()
    name = options.email.strip().partition("@")[0][:LONGEST_NAME]
    tenant = await Tenants(session).add(name, options.plan)
    users = Users(session, tenant.id)
    user = await users.add(options.email, await Passwords().hash(password), FOUNDER)
    made = {"email": user.email, "plan": tenant.plan}
    await Audit(session, tenant.id).note(None, "user.create", user.id, made)
    return f"{password}\n{user.email} may log in with it, and it is shown only now"


async def set_plan(session: AsyncSession, options: argparse.Namespace) -> str:
    """A tenant on a plan. Raises StartError."""
    account = await Credentials(session).by_email(options.email)
    if account is None:
        raise StartError(f"no user has the address {options.email}")
    tenant = account.user.tenant_id
    await Tenants(session).set_plan(tenant, options.plan)
    changes = {"plan": options.plan}
    await Audit(session, tenant).note(None, "tenant.update", tenant, changes)
    return f"the tenant of {account.user.email} is on the plan {options.plan}"
