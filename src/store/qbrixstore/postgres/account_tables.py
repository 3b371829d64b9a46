"""Tables of logins, of the audit log, and of news about credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from typing import Final

from sqlalchemy import BigInteger
from sqlalchemy import ForeignKey
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy import Identity
from sqlalchemy import Index
from sqlalchemy import MetaData
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from qbrixstore.postgres.tables import ID
from qbrixstore.postgres.tables import NAME
from qbrixstore.postgres.tables import NOW
from qbrixstore.postgres.tables import Row


class LoginRow(Row):
    """A login: the family of every refresh token that came of it."""

    __tablename__ = "login"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["user.tenant_id", "user.id"]),
        Index(None, "tenant_id", "user_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    user_id: Mapped[str] = mapped_column(ID)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshTokenRow(Row):
    """A refresh token, by its id; ``used_at`` is when it was first exchanged."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "login_id"],
            ["login.tenant_id", "login.id"],
            ondelete="CASCADE",
        ),
        Index(None, "tenant_id", "login_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    login_id: Mapped[str] = mapped_column(ID)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AuditRow(Row):
    """A change: who made it, with which key, and what it was. Never altered."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "subject_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID, ForeignKey("tenant.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    user_id: Mapped[str | None] = mapped_column(ID)
    key_id: Mapped[str | None] = mapped_column(ID)
    action: Mapped[str] = mapped_column(NAME)
    subject_id: Mapped[str] = mapped_column(ID)
    changes: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]


class CredentialNewsRow(Row):
    """A user whose credentials mean something else now; without one, a whole tenant."""

    __tablename__ = "credential_news"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ID)
    user_id: Mapped[str | None] = mapped_column(ID)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


METADATA: Final[MetaData] = Row.metadata  # of every table, those of ``tables`` too
