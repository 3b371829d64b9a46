"""The keys of access and refresh tokens: each has an id and is good for one algorithm.

What a token says of its algorithm is never believed: its ``kid`` picks a key, and the
key says which algorithm it is for (RFC 8725, sections 3.1 and 3.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple
from typing import Self

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa

from qbrixcore.errors import InvalidBearer

SECRET_KEY_ID: Final = "secret"  # of the one key that is given as a secret
LEAST_RSA_BITS: Final = 2_048
LEAST_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA: Final = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
SUPPORTED: Final = frozenset({*LEAST_BYTES, *_RSA, *_CURVES, "EdDSA"})
_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "sub"],
    "verify_aud": False,
    # clocks of two proxies may differ by a little
    "verify_iat": False,
}


class JwtKey(NamedTuple):
    """One key; only one that can sign has ``signs``."""

    kid: str
    algorithm: str
    signs: Any
    verifies: Any


class JwtKeys:
    """Several keys verify, the first signs."""

    def __init__(self, keys: Sequence[JwtKey]) -> None:
        """Raises ValueError unless the first can sign and all ids are distinct."""
        self._keys: Mapping[str, JwtKey] = {key.kid: key for key in keys}
        if len(self._keys) != len(keys):
            raise ValueError("two keys have the same kid")
        if not keys or keys[0].signs is None:
            raise ValueError("the first key must be one that signs")
        self._signer = keys[0]

    @classmethod
    def of_secret(cls, secret: str, algorithm: str) -> Self:
        """The one HMAC key. Raises ValueError for a secret that is too short."""
        made = {"kty": "oct", "k": jwt.utils.base64url_encode(secret.encode()).decode()}
        return cls([_key({**made, "kid": SECRET_KEY_ID, "alg": algorithm})])

    @classmethod
    def load(cls, path: Path) -> Self:
        """The keys of a JWK Set (RFC 7517), in order. Raises ValueError."""
        try:
            found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            raise ValueError(f"cannot read {path}: {error}") from None
        keys = found.get("keys")
        if not isinstance(keys, list) or not all(isinstance(k, dict) for k in keys):
            raise ValueError(f'{path} wants a JWK Set: {{"keys": [...]}}')
        return cls([_key(key) for key in keys])

    def sign(self, claims: Mapping[str, object]) -> str:
        """A token that says so."""
        key = self._signer
        return jwt.encode(
            dict(claims), key.signs, key.algorithm, headers={"kid": key.kid}
        )

    def verify(self, token: bytes) -> dict[str, Any]:
        """The claims of a token that is ours and has not expired.

        Raises InvalidBearer.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise InvalidBearer()
            # one algorithm, and not the one that the token names
            claims: dict[str, Any] = jwt.decode(
                token, key.verifies, algorithms=[key.algorithm], options=_OPTIONS
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidBearer("the token has expired") from error
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidBearer() from error
        return claims


def _key(described: Mapping[str, Any]) -> JwtKey:
    """Raises ValueError, which never shows the key."""
    kid, algorithm = described.get("kid"), described.get("alg")
    if not isinstance(kid, str) or not kid or not isinstance(algorithm, str):
        raise ValueError("a key wants a kid and an alg")
    if algorithm not in SUPPORTED:
        raise ValueError(f"the key {kid} is for {algorithm}, which is not supported")
    try:
        made = jwt.PyJWK(dict(described), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise ValueError(f"the key {kid} is not one for {algorithm}") from None
    if problem := _weakness(made, algorithm):
        raise ValueError(f"the key {kid} {problem}")
    if isinstance(made, bytes):
        return JwtKey(kid, algorithm, made, made)
    if hasattr(made, "public_key"):
        return JwtKey(kid, algorithm, made, made.public_key())
    return JwtKey(kid, algorithm, None, made)


def _weakness(key: Any, algorithm: str) -> str:
    """Why a key must not be used with an algorithm; empty if it may."""
    if algorithm in LEAST_BYTES:
        least = LEAST_BYTES[algorithm]
        short = not isinstance(key, bytes) or len(key) < least
        return f"wants {least} bytes or more for {algorithm}" if short else ""
    if algorithm in _RSA:
        kinds = (rsa.RSAPublicKey, rsa.RSAPrivateKey)
        short = not isinstance(key, kinds) or key.key_size < LEAST_RSA_BITS
        return f"wants {LEAST_RSA_BITS} bits or more" if short else ""
    if algorithm in _CURVES:
        curves = (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)
        fits = isinstance(key, curves) and key.curve.name == _CURVES[algorithm]
        return "" if fits else f"wants the curve {_CURVES[algorithm]} for {algorithm}"
    edwards = (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)
    return "" if isinstance(key, edwards) else "wants an Ed25519 key for EdDSA"
