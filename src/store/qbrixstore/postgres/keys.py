"""The API keys of a tenant's users."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement
from sqlalchemy import and_
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from qbrixcore.errors import Conflict
from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import faults
from qbrixstore.postgres.news import credentials_changed
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.tables import NOW
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
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
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
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if faults.violated(error) != "fk_api_key_tenant_id_user_id":
                raise
            raise UserNotFound(f"user not found: {user_id}") from error
        return to_record(row)

    async def of_user(self, user_id: str) -> list[ApiKey]:
        """A user's keys, the newest first, revoked ones included."""
        rows = await self._session.scalars(
            select(ApiKeyRow)
            .where(ApiKeyRow.tenant_id == self.tenant_id)
            .where(ApiKeyRow.user_id == user_id)
            .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc())
        )
        return [to_record(row) for row in rows]

    async def get(self, key_id: str) -> ApiKey:
        """A key, revoked or not. Raises NotFound."""
        return to_record(await self._row(key_id))

    async def count_active(self) -> int:
        """Keys of the tenant that work now."""
        counted = await self._session.scalar(
            select(func.count())
            .select_from(ApiKeyRow)
            .where(ApiKeyRow.tenant_id == self.tenant_id)
            .where(is_valid())
        )
        return counted or 0

    async def rename(self, key_id: str, name: str) -> ApiKey:
        """Raises NotFound."""
        row = await self._row(key_id)
        row.name = name
        await self._session.flush()
        return to_record(row)

    async def rotate(self, key_id: str, digest: str) -> ApiKey:
        """Give a key another secret; the former one is worthless.

        Raises NotFound, and Conflict for a key that does not work any more.
        """
        row = await self._row(key_id)
        works = select(is_valid()).where(ApiKeyRow.id == row.id)
        if not await self._session.scalar(works):
            raise Conflict("the api key is revoked or expired: make a new one")
        row.digest = digest
        await self._changed(row)
        return to_record(row)

    async def revoke(self, key_id: str) -> ApiKey:
        """Make a key worthless, for good. Raises NotFound."""
        row = await self._row(key_id)
        row.is_active = False
        await self._changed(row)
        return to_record(row)

    async def _row(self, key_id: str) -> ApiKeyRow:
        row = await self._session.scalar(
            select(ApiKeyRow)
            .where(ApiKeyRow.id == key_id)
            .where(ApiKeyRow.tenant_id == self.tenant_id)
            .with_for_update()
        )
        if row is None:
            raise NotFound(f"api key not found: {key_id}")
        return row

    async def _changed(self, row: ApiKeyRow) -> None:
        if self._session.is_modified(row):
            await self._session.flush()
            await credentials_changed(self._session, self.tenant_id, row.user_id)


def is_valid() -> ColumnElement[bool]:
    """Whether a key is neither revoked nor expired."""
    unending = ApiKeyRow.expires_at.is_(None)
    return and_(ApiKeyRow.is_active, or_(unending, ApiKeyRow.expires_at > NOW))


def to_record(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        is_active=row.is_active,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        rate_limit=row.rate_limit,
    )
