"""Secrets that one data directory keeps for itself."""

from __future__ import annotations

import secrets

import msgspec

from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import write_private
from qbrixcli.embedded.errors import StartError

SECRET_BYTES = 32
JWT_SECRET_BYTES = 64  # as many as the longest of its algorithms wants


def _secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _jwt_secret() -> str:
    return secrets.token_urlsafe(JWT_SECRET_BYTES)


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """Made once, 256 random bits or more each."""

    valkey_password: str = msgspec.field(default_factory=_secret)
    postgres_password: str = msgspec.field(default_factory=_secret)
    token_secret: str = msgspec.field(default_factory=_secret)
    jwt_secret: str = msgspec.field(default_factory=_jwt_secret)

    def variables(self) -> dict[str, str]:
        """The secrets that services read from their environment."""
        return {
            "PROXY_TOKEN_SECRET_KEYS": self.token_secret,
            "PROXY_JWT_SECRET_KEY": self.jwt_secret,
        }

    def __repr__(self) -> str:
        return "Keyring(...)"


def load_keyring(data: DataDirectory) -> Keyring:
    """The secrets of a data directory, those made that are missing.

    Raises StartError.
    """
    try:
        kept = data.secrets.read_bytes() if data.secrets.exists() else b"{}"
        keyring = msgspec.json.decode(kept, type=Keyring)
        made = msgspec.json.encode(keyring)
        if made != kept:
            write_private(data.secrets, made.decode())
        return keyring
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(
            f"cannot read {data.secrets} ({error}): restore it from a backup"
        ) from error
