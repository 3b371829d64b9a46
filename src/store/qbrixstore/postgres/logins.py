"""Logins of a tenant's users, and the refresh tokens that came of them."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from enum import Enum

from sqlalchemy import ColumnElement
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update

from qbrixstore.postgres.account_tables import LoginRow
from qbrixstore.postgres.account_tables import RefreshTokenRow
from qbrixstore.postgres.news import credentials_changed
from qbrixstore.postgres.tables import NOW
from qbrixstore.postgres.tables import UserRow
from qbrixstore.postgres.tenanted import Tenanted


class Exchange(Enum):
    """What became of a refresh token."""

    DONE = "a new token is there"
    UNKNOWN = "no such token, or its login or user is not active any more"
    REUSED = "it had been used before, so its login is revoked"


class Logins(Tenanted):
    """Every login is a family of refresh tokens, each used once."""

    async def open(
        self, user_id: str, login_id: str, token_id: str, expires_at: datetime
    ) -> None:
        """Store a new login and its first token; forget the user's expired logins."""
        await self._session.execute(
            delete(LoginRow)
            .where(LoginRow.tenant_id == self.tenant_id)
            .where(LoginRow.user_id == user_id)
            .where(LoginRow.expires_at < NOW)
            .execution_options(synchronize_session=False)
        )
        await self._session.execute(
            insert(LoginRow).values(
                id=login_id,
                tenant_id=self.tenant_id,
                user_id=user_id,
                expires_at=expires_at,
            )
        )
        await self._add_token(login_id, token_id, expires_at)

    async def exchange(
        self,
        login_id: str,
        token_id: str,
        new_token_id: str,
        expires_at: datetime,
        grace: timedelta,
    ) -> Exchange:
        """Use a token: it goes on working for ``grace``, another one comes beside it.

        Used later than that, it revokes the login with all its tokens.
        """
        login = await self._session.scalar(
            select(LoginRow)
            .join(UserRow, UserRow.id == LoginRow.user_id)
            .where(LoginRow.tenant_id == self.tenant_id)
            .where(LoginRow.id == login_id)
            .where(LoginRow.revoked_at.is_(None))
            .where(UserRow.is_active)
            .with_for_update(of=LoginRow)
        )
        if login is None:
            return Exchange.UNKNOWN
        used = await self._use(login_id, token_id, grace)
        if used is None:
            return Exchange.UNKNOWN
        if not used:
            await self._revoke(login.user_id, LoginRow.id == login_id)
            return Exchange.REUSED
        login.expires_at = expires_at
        await self._session.flush()
        await self._forget_expired(login_id)
        await self._add_token(login_id, new_token_id, expires_at)
        return Exchange.DONE

    async def revoke_all(self, user_id: str, except_for: str = "") -> None:
        """End the user's logins, but for one that may be given."""
        await self._revoke(user_id, LoginRow.id != except_for)

    async def _use(self, login_id: str, token_id: str, grace: timedelta) -> bool | None:
        """Whether the token may be used now, None when it never was one."""
        row = (
            await self._session.execute(
                update(RefreshTokenRow)
                .where(RefreshTokenRow.tenant_id == self.tenant_id)
                .where(RefreshTokenRow.login_id == login_id)
                .where(RefreshTokenRow.id == token_id)
                .values(used_at=func.coalesce(RefreshTokenRow.used_at, NOW))
                .returning(RefreshTokenRow.used_at + grace >= NOW)
                .execution_options(synchronize_session=False)
            )
        ).one_or_none()
        return None if row is None else bool(row[0])

    async def _revoke(self, user_id: str, which: ColumnElement[bool]) -> None:
        await self._session.execute(
            update(LoginRow)
            .where(LoginRow.tenant_id == self.tenant_id)
            .where(LoginRow.user_id == user_id)
            .where(LoginRow.revoked_at.is_(None))
            .where(which)
            .values(revoked_at=NOW)
            .execution_options(synchronize_session=False)
        )
        await credentials_changed(self._session, self.tenant_id, user_id)

    async def _forget_expired(self, login_id: str) -> None:
        await self._session.execute(
            delete(RefreshTokenRow)
            .where(RefreshTokenRow.tenant_id == self.tenant_id)
            .where(RefreshTokenRow.login_id == login_id)
            .where(RefreshTokenRow.expires_at < NOW)
            .execution_options(synchronize_session=False)
        )

    async def _add_token(
        self, login_id: str, token_id: str, expires_at: datetime
    ) -> None:
        await self._session.execute(
            insert(RefreshTokenRow).values(
                id=token_id,
                tenant_id=self.tenant_id,
                login_id=login_id,
                expires_at=expires_at,
            )
        )
