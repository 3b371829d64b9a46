"""Who may use a fresh system: one admin and one API key, made once."""

from __future__ import annotations

import secrets

import msgspec

API_KEY_PREFIX = "optiq_"
KEY_BYTES = 32
PASSWORD_BYTES = 18
EMAIL = "admin@qbrix.internal"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What ``credentials.json`` holds."""

    http_url: str
    grpc_url: str
    email: str
    password: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials({self.email})"


def new_credentials(http_url: str, grpc_url: str, email: str = EMAIL) -> Credentials:
    """A random password and a new key."""
    return Credentials(
        http_url=http_url,
        grpc_url=grpc_url,
        email=email,
        password=new_password(),
        api_key=new_api_key(),
    )


def new_password() -> str:
    """24 random url-safe characters."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def new_api_key() -> str:
    """The prefix and 43 random url-safe characters."""
    return API_KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def spare_email() -> str:
    """Another address, for a database that has an admin already."""
    name, domain = EMAIL.split("@")
    return f"{name}-{secrets.token_hex(3)}@{domain}"


def encode(credentials: Credentials) -> str:
    """As JSON, one field a line."""
    return msgspec.json.format(msgspec.json.encode(credentials), indent=2).decode()
