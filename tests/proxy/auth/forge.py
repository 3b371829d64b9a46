"""Tokens and keys as an attacker, or another issuer, would make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm
from jwt.algorithms import OKPAlgorithm
from jwt.algorithms import RSAAlgorithm

SECRET = "s" * 64


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def oct_key(kid: str, algorithm: str = "HS256", secret: str = SECRET) -> dict[str, Any]:
    k = encoded(secret.encode())
    return {"kty": "oct", "kid": kid, "alg": algorithm, "k": k}


def private_key(kid: str, algorithm: str, bits: int = 2_048) -> dict[str, Any]:
    """A private JWK for an algorithm with two halves."""
    made: Any
    if algorithm[:2] in ("RS", "PS"):
        pair = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
        made = RSAAlgorithm.to_jwk(pair, as_dict=True)
    elif algorithm == "EdDSA":
        made = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    else:
        curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
        pair = ec.generate_private_key(curves[algorithm]())
        made = ECAlgorithm.to_jwk(pair, as_dict=True)
    return {**made, "kid": kid, "alg": algorithm}


def public_half(key: dict[str, Any]) -> dict[str, Any]:
    secret = {"d", "p", "q", "dp", "dq", "qi", "key_ops"}
    return {name: value for name, value in key.items() if name not in secret}


def key_file(directory: Path, *keys: dict[str, Any]) -> Path:
    path = directory / "keys.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(map(encoded, parts))


def signed_by_hand(
    header: dict[str, Any], claims: dict[str, Any], secret: bytes
) -> bytes:
    """An HMAC token that no library would agree to make."""
    text = unsigned(header, claims)
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(mac)}".encode()


def claims_of(token: str | bytes) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found
