"""Secrets that one data directory keeps for itself."""

from __future__ import annotations

import secrets

import msgspec

from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import write_private
from qbrixcli.embedded.errors import StartError

SECRET_BYTES = 32


def _secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """Made once, 256 random bits each."""

    valkey_password: str = msgspec.field(default_factory=_secret)
    postgres_password: str = msgspec.field(default_factory=_secret)
    token_secret: str = msgspec.field(default_factory=_secret)

    def __repr__(self) -> str:
        return "Keyring(...)"


def load_keyring(data: DataDirectory) -> Keyring:
    """The secrets of a data directory, made if there are none. Raises StartError."""
    try:
        return msgspec.json.decode(data.secrets.read_bytes(), type=Keyring)
    except FileNotFoundError:
        keyring = Keyring()
        write_private(data.secrets, msgspec.json.encode(keyring).decode())
        return keyring
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(
            f"cannot read {data.secrets} ({error}): restore it from a backup"
        ) from error
