"""REST: the API keys of the caller."""

from __future__ import annotations

import math
from datetime import UTC
from datetime import datetime
from typing import Annotated
from typing import Final

import msgspec
from litestar import Controller
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.accounts.keys import KeyService
from proxysvc.accounts.keys import NewKey
from proxysvc.accounts.keys import ShownKey
from proxysvc.http.body import StrictJSON
from proxysvc.http.replies import Message
from proxysvc.inputs import LONGEST_NAME
from qbrixstore.postgres.principal import Principal

LATEST: Final = 253_402_300_799.0  # the last second of the year 9999
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
Rate = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
EpochSeconds = Annotated[float, msgspec.Meta(ge=0, le=LATEST)]


class ApiKeyCreate(msgspec.Struct):
    """A new key of the caller.

    Without scopes it may do what its owner's role may, and changes with that; without
    ``expires_at`` (epoch seconds) it works until it is revoked. A rate limit of its own
    holds beside that of the plan.
    """

    name: Name = "Default API Key"
    scopes: list[str] | None = None
    expires_at: EpochSeconds | None = None
    rate_limit_per_minute: Rate | None = None


class ApiKeyUpdate(msgspec.Struct):
    """Another name for a key."""

    name: Name


class ApiKeyReply(msgspec.Struct):
    """A key without its secret; times are epoch seconds, a rate of 0 is no bound."""

    id: str
    name: str
    rate_limit_per_minute: int
    scopes: list[str]
    created_at: float
    last_used_at: float | None
    expires_at: float | None
    is_active: bool

    @classmethod
    def of(cls, shown: ShownKey) -> ApiKeyReply:
        """From what the store returned."""
        key = shown.key
        return cls(
            id=key.id,
            name=key.name,
            rate_limit_per_minute=shown.rate,
            scopes=shown.scopes,
            created_at=key.created_at.timestamp(),
            last_used_at=_seconds(key.last_used_at),
            expires_at=_seconds(key.expires_at),
            is_active=key.is_active,
        )


class NewApiKeyReply(ApiKeyReply):
    """A key with its secret ``key``, which is shown only here."""

    key: str = ""

    @classmethod
    def made(cls, new: NewKey) -> NewApiKeyReply:
        """From what was made."""
        shown = msgspec.structs.asdict(ApiKeyReply.of(new.shown))
        return cls(**shown, key=new.plain)


class UsageReply(msgspec.Struct):
    """Calls with a key in this minute, and how many are allowed; 0 is no bound."""

    current_minute_usage: int
    rate_limit_per_minute: int


class ApiKeyController(Controller):
    """Keys of the caller."""

    path = "/api-keys"
    tags = ("api keys",)

    @post(dto=StrictJSON[ApiKeyCreate], return_dto=None)
    async def create_api_key(
        self,
        data: JSONBody[ApiKeyCreate],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> NewApiKeyReply:
        """Create a key. Its secret is in this answer and never again."""
        expires_at = None
        if data.expires_at is not None:
            expires_at = datetime.fromtimestamp(math.floor(data.expires_at), UTC)
        made = await keys.create(
            principal,
            data.name,
            data.scopes,
            expires_at,
            rate_limit=data.rate_limit_per_minute,
        )
        return NewApiKeyReply.made(made)

    @get()
    async def list_api_keys(
        self,
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> list[ApiKeyReply]:
        """List the keys of the caller, the newest first, revoked ones included."""
        return [ApiKeyReply.of(shown) for shown in await keys.of_user(principal)]

    @get("/{key_id:str}")
    async def get_api_key(
        self,
        key_id: FromPath[str],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> ApiKeyReply:
        """Get a key."""
        return ApiKeyReply.of(await keys.get(principal, key_id))

    @patch("/{key_id:str}", dto=StrictJSON[ApiKeyUpdate], return_dto=None)
    async def rename_api_key(
        self,
        key_id: FromPath[str],
        data: JSONBody[ApiKeyUpdate],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> ApiKeyReply:
        """Rename a key."""
        return ApiKeyReply.of(await keys.rename(principal, key_id, data.name))

    @delete("/{key_id:str}", status_code=200)
    async def revoke_api_key(
        self,
        key_id: FromPath[str],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Revoke a key, for good."""
        await keys.revoke(principal, key_id)
        return Message(f"api key revoked: {key_id}")

    @post("/{key_id:str}/rotate", status_code=200)
    async def rotate_api_key(
        self,
        key_id: FromPath[str],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> NewApiKeyReply:
        """Give a key another secret; the former one works no more."""
        return NewApiKeyReply.made(await keys.rotate(principal, key_id))

    @get("/{key_id:str}/usage")
    async def get_api_key_usage(
        self,
        key_id: FromPath[str],
        keys: NamedDependency[KeyService],
        principal: NamedDependency[Principal],
    ) -> UsageReply:
        """Tell how often a key was used in this minute."""
        used, allowed = await keys.usage(principal, key_id)
        return UsageReply(used, allowed)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
