"""Access and refresh tokens: who logged in, told by a signature."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from typing import Final
from typing import Literal
from typing import TypeVar

import msgspec

from proxysvc.accounts.jwtkeys import JwtKeys
from qbrixcore.errors import InvalidBearer
from qbrixstore.postgres.records import User

REFRESH_SEC: Final = 7 * 86_400
LONGEST: Final = 4_096  # bytes of a token

Seconds = int
Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
T = TypeVar("T")


class Access(msgspec.Struct, frozen=True):
    """What the proxy takes from an access token; ``exp`` is in epoch seconds.

    It says for whom it was made. What they may do is asked of the store, so that a
    change of role needs no new token.
    """

    sid: Id
    exp: float
    type: Literal["access"]


class Refresh(msgspec.Struct, frozen=True):
    """What the proxy takes from a refresh token."""

    tenant_id: Id
    sub: Id
    sid: Id
    jti: Id
    type: Literal["refresh"]


class Bearers:
    """Issues and verifies both kinds of token."""

    def __init__(self, keys: JwtKeys, access_sec: Seconds) -> None:
        self._keys = keys
        self._access_sec = access_sec

    async def access(self, user: User, plan: str, login_id: str) -> str:
        """A token that works for as long as was configured."""
        now = int(time.time())
        claims = {
            "sub": user.id,
            "tenant_id": user.tenant_id,
            "email": user.email,
            "role": user.role,
            "plan_tier": plan,
            "sid": login_id,
            "iat": now,
            "exp": now + self._access_sec,
            "type": "access",
        }
        # an RSA signature takes longer than the loop may be held up
        return await asyncio.to_thread(self._keys.sign, claims)

    async def refresh(self, user: User, login_id: str, token_id: str) -> str:
        """A token to get another pair with, once."""
        now = int(time.time())
        claims = {
            "sub": user.id,
            "tenant_id": user.tenant_id,
            "sid": login_id,
            "jti": token_id,
            "iat": now,
            "exp": now + REFRESH_SEC,
            "type": "refresh",
        }
        return await asyncio.to_thread(self._keys.sign, claims)

    def read_access(self, token: bytes) -> Access:
        """Raises InvalidBearer."""
        return self._read(token, Access)

    def read_refresh(self, token: bytes) -> Refresh:
        """Raises InvalidBearer."""
        return self._read(token, Refresh)

    def _read(self, token: bytes, kind: type[T]) -> T:
        if len(token) > LONGEST:
            raise InvalidBearer()
        try:
            return msgspec.convert(self._keys.verify(token), kind)
        except msgspec.ValidationError as error:
            raise InvalidBearer() from error
