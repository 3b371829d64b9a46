"""What the proxy reads from its environment about tokens of people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from typing import Final
from typing import Literal

import msgspec

from proxysvc.accounts.jwtkeys import LEAST_BYTES
from proxysvc.accounts.jwtkeys import JwtKeys
from qbrixserving.settings import SettingsError

DEVELOPMENT_SECRET: Final = (
    "only-for-development-never-in-production-whatever-the-algorithm-is"
)


class JwtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How access and refresh tokens are signed. The secret never shows in the repr."""

    secret_key: Annotated[
        str | None,
        msgspec.Meta(
            description="secret that signs logins, 32 bytes or more (HS512: 64)",
            extra={"min_length": LEAST_BYTES["HS256"]},
        ),
    ] = None
    algorithm: Annotated[
        Literal["HS256", "HS384", "HS512"],
        msgspec.Meta(description="algorithm of that secret"),
    ] = "HS256"
    access_token_expire_minutes: Annotated[
        int,
        msgspec.Meta(ge=1, le=1_440, description="life of an access token, minutes"),
    ] = 30
    keys_file: Annotated[
        Path | None,
        msgspec.Meta(
            description="JWK Set instead of the secret: the first key signs, all verify"
        ),
    ] = None

    def __repr__(self) -> str:
        return f"JwtSettings({self.keys_file or self.algorithm})"

    def keys(self, strong: bool) -> JwtKeys:
        """The keys to sign and verify with. Raises SettingsError."""
        if self.keys_file is not None:
            try:
                return JwtKeys.load(self.keys_file)
            except ValueError as error:
                raise SettingsError(f"PROXY_JWT_KEYS_FILE: {error}") from error
        if strong and self.secret_key in (None, DEVELOPMENT_SECRET):
            raise SettingsError(
                "PROXY_JWT_SECRET_KEY: with QBRIX_ENV=prod it must be set, to a secret "
                "of your own, or PROXY_JWT_KEYS_FILE instead"
            )
        try:
            secret = self.secret_key or DEVELOPMENT_SECRET
            return JwtKeys.of_secret(secret, self.algorithm)
        except ValueError as error:
            raise SettingsError(f"PROXY_JWT_SECRET_KEY: {error}") from error
