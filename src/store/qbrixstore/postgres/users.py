"""The users of a tenant."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from qbrixcore.errors import Conflict
from qbrixcore.errors import UserExists
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import faults
from qbrixstore.postgres.access import OPERATOR
from qbrixstore.postgres.access import check_role
from qbrixstore.postgres.news import credentials_changed
from qbrixstore.postgres.records import User
from qbrixstore.postgres.tables import UserRow
from qbrixstore.postgres.tenanted import Tenanted
from qbrixstore.postgres.tenants import hold_tenant

_ADMINS: Final = ("admin", OPERATOR)


class Users(Tenanted):
    """An address belongs to one user of one tenant."""

    async def add(self, email: str, password_hash: str, role: str = "member") -> User:
        """Store a new user. Raises UserExists and, for an unknown role, Invalid."""
        check_role(role)
        row = UserRow(
            id=uuid4().hex,
            tenant_id=self.tenant_id,
            email=normal(email),
            password_hash=password_hash,
            role=role,
        )
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if faults.violated(error) != "uq_user_email":
                raise
            raise UserExists(f"a user has this address: {row.email}") from error
        return to_record(row)

    async def get(self, user_id: str) -> User:
        """Raises UserNotFound."""
        return to_record(await self._row(user_id))

    async def page(self, limit: int = 100, offset: int = 0) -> list[User]:
        """Users, the newest first."""
        rows = await self._session.scalars(
            select(UserRow)
            .where(UserRow.tenant_id == self.tenant_id)
            .order_by(UserRow.created_at.desc(), UserRow.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return [to_record(row) for row in rows]

    async def by_email(self, email: str) -> User:
        """Raises UserNotFound."""
        row = await self._session.scalar(
            select(UserRow)
            .where(UserRow.email == normal(email))
            .where(UserRow.tenant_id == self.tenant_id)
        )
        if row is None:
            raise UserNotFound("no user has this address")
        return to_record(row)

    async def update(
        self, user_id: str, role: str | None = None, is_active: bool | None = None
    ) -> User:
        """Change what is given.

        Raises UserNotFound, Invalid, and Conflict rather than leave the tenant without
        an active admin.
        """
        # two admins who take the role from each other must not both succeed
        await hold_tenant(self._session, self.tenant_id)
        row = await self._row(user_id)
        was_admin = row.is_active and row.role in _ADMINS
        if role is not None:
            check_role(role)
            row.role = role
        if is_active is not None:
            row.is_active = is_active
        if self._session.is_modified(row):
            await self._session.flush()
            if was_admin and not await self._has_admin():
                raise Conflict("a tenant needs an active admin, and this is the last")
            await credentials_changed(self._session, self.tenant_id, user_id)
        return to_record(row)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Raises UserNotFound."""
        (await self._row(user_id)).password_hash = password_hash
        await self._session.flush()

    async def _has_admin(self) -> bool:
        admin = await self._session.scalar(
            select(UserRow.id)
            .where(UserRow.tenant_id == self.tenant_id)
            .where(UserRow.role.in_(_ADMINS))
            .where(UserRow.is_active)
            .limit(1)
        )
        return admin is not None

    async def _row(self, user_id: str) -> UserRow:
        row = await self._session.scalar(
            select(UserRow)
            .where(UserRow.id == user_id)
            .where(UserRow.tenant_id == self.tenant_id)
        )
        if row is None:
            raise UserNotFound(f"user not found: {user_id}")
        return row


def normal(email: str) -> str:
    """An address as it is stored and looked up."""
    return email.strip().lower()


def to_record(row: UserRow) -> User:
    return User(
        id=row.id,
        tenant_id=row.tenant_id,
        email=row.email,
        role=row.role,
        is_active=row.is_active,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
