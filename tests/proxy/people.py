"""Callers with real keys, made through the repositories."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixstore.postgres import system_session
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.operators import Operators
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users


class Person(NamedTuple):
    tenant_id: str
    user_id: str
    key_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


def new_secret() -> tuple[str, str]:
    """A key, and its digest."""
    key = "optiq_" + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


async def add_operator(engine: AsyncEngine) -> str:
    """The key of an operator."""
    key, digest = new_secret()
    async with system_session(engine) as session:
        await Operators(session).add(digest, "ours")
    return key


async def add_person(
    engine: AsyncEngine,
    role: str = "admin",
    scopes: Collection[str] | None = None,
    tenant_id: str | None = None,
) -> Person:
    """A user with a key, in a tenant of their own unless one is given."""
    key, digest = new_secret()
    async with system_session(engine) as session:
        tenant = tenant_id or (await Tenants(session).add("somebody")).id
        email = f"{uuid4().hex}@example.org"
        user = await Users(session, tenant).add(email, "no password", role)
        made = await ApiKeys(session, tenant).add(user.id, "a key", digest, scopes)
    return Person(tenant, user.id, made.id, key)
