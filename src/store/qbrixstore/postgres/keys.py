"""The API keys of a tenant's users."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import faults
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.tables import ApiKeyRow
from qbrixstore.postgres.tenanted import Tenanted


class ApiKeys(Tenanted):
    """Keys are stored as the SHA-256 of what the user holds, in lowercase hex."""

    async def add(
        self,
        user_id: str,
        name: str,
        digest: str,
        scopes: Collection[str] | None = None,
    ) -> ApiKey:
        """Store a new key; without scopes it follows its owner's role.

        Raises UserNotFound.
        """
        row = ApiKeyRow(
            id=uuid4().hex,
            tenant_id=self.tenant_id,
            user_id=user_id,
            name=name,
            digest=digest,
            scopes=None if scopes is None else sorted(set(scopes)),
        )
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if faults.violated(error) != "fk_api_key_tenant_id_user_id":
                raise
            raise UserNotFound(f"user not found: {user_id}") from error
        return _to_record(row)

    async def of_user(self, user_id: str) -> list[ApiKey]:
        """A user's keys, the newest first, revoked ones included."""
        rows = await self._session.scalars(
            select(ApiKeyRow)
            .where(ApiKeyRow.tenant_id == self.tenant_id)
            .where(ApiKeyRow.user_id == user_id)
            .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc())
        )
        return [_to_record(row) for row in rows]

    async def revoke(self, key_id: str) -> ApiKey:
        """Make a key worthless, for good. Raises NotFound."""
        row = await self._session.scalar(
            select(ApiKeyRow)
            .where(ApiKeyRow.id == key_id)
            .where(ApiKeyRow.tenant_id == self.tenant_id)
        )
        if row is None:
            raise NotFound(f"api key not found: {key_id}")
        row.is_active = False
        await self._session.flush()
        return _to_record(row)


def _to_record(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        is_active=row.is_active,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
