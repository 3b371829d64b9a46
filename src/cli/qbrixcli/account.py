"""The first tenant, its admin and its key, in Postgres."""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcli.credentials import Credentials
from qbrixcli.credentials import spare_email
from qbrixserving.passwords import Passwords
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.postgres.credentials import Credentials as Lookup
from qbrixstore.postgres.engine import init_db
from qbrixstore.postgres.engine import system_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

TENANT = "default"
ROLE = "admin"
KEY_NAME = "first key"


async def ensure_account(
    settings: PostgresSettings, credentials: Credentials
) -> Credentials:
    """Make the credentials valid; a second call with the same ones does nothing.

    They come back with another address if the database has an admin of somebody else.
    Raises Unavailable.
    """
    engine = init_db(settings)
    try:
        return await _ensure(engine, credentials)
    finally:
        await engine.dispose()


async def _ensure(engine: AsyncEngine, credentials: Credentials) -> Credentials:
    digest = hashlib.sha256(credentials.api_key.encode()).hexdigest()
    password_hash = await Passwords().hash(credentials.password)
    async with system_session(engine) as session:
        lookup = Lookup(session)
        owner = await lookup.by_digest(digest)
        if owner is not None:
            user = await Users(session, owner.tenant_id).get(owner.user_id)
            return msgspec.structs.replace(credentials, email=user.email)
        if await lookup.by_email(credentials.email) is not None:
            credentials = msgspec.structs.replace(credentials, email=spare_email())
        tenant = await Tenants(session).add(TENANT)
        users = Users(session, tenant.id)
        user = await users.add(credentials.email, password_hash, ROLE)
        await ApiKeys(session, tenant.id).add(user.id, KEY_NAME, digest)
    return credentials
