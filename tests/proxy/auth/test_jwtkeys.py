"""Each key is good for one algorithm, whatever a token says of itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.proxy.auth.forge import SECRET
from tests.proxy.auth.forge import encoded
from tests.proxy.auth.forge import key_file
from tests.proxy.auth.forge import oct_key
from tests.proxy.auth.forge import private_key
from tests.proxy.auth.forge import public_half
from tests.proxy.auth.forge import signed_by_hand
from tests.proxy.auth.forge import unsigned

from proxysvc.accounts.jwtkeys import JwtKeys
from qbrixcore.errors import InvalidBearer

PAIRS = ("RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "u", "iat": now, "exp": now + 60, **more}


def refused(keys: JwtKeys, token: str | bytes) -> None:
    with pytest.raises(InvalidBearer):
        keys.verify(token.encode() if isinstance(token, str) else token)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_secret_signs_and_verifies(algorithm: str) -> None:
    keys = JwtKeys.of_secret(SECRET, algorithm)
    token = keys.sign(claims(role="admin"))
    assert keys.verify(token.encode())["role"] == "admin"
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == (algorithm, "secret")
    refused(JwtKeys.of_secret("t" * 64, algorithm), token)


@pytest.mark.parametrize(
    ("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)]
)
def test_a_short_secret_is_none(algorithm: str, least: int) -> None:
    JwtKeys.of_secret("s" * least, algorithm)
    with pytest.raises(ValueError, match=f"wants {least} bytes"):
        JwtKeys.of_secret("s" * (least - 1), algorithm)


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_pair_signs_and_its_public_half_verifies(
    tmp_path: Path, algorithm: str
) -> None:
    pair = private_key("pair", algorithm)
    signer = JwtKeys.load(key_file(tmp_path, pair))
    token = signer.sign(claims()).encode()
    assert signer.verify(token)["sub"] == "u"
    other = JwtKeys.load(key_file(tmp_path, oct_key("new"), public_half(pair)))
    assert other.verify(token)["sub"] == "u"
    with pytest.raises(ValueError, match="must be one that signs"):
        JwtKeys.load(key_file(tmp_path, public_half(pair)))


def test_several_keys_verify_and_the_first_signs(tmp_path: Path) -> None:
    old = JwtKeys.of_secret(SECRET, "HS256").sign(claims()).encode()
    first = private_key("first", "ES256")
    keys = JwtKeys.load(key_file(tmp_path, first, oct_key("secret")))
    assert keys.verify(old)["sub"] == "u"
    assert jwt.get_unverified_header(keys.sign(claims()))["kid"] == "first"


def test_the_public_half_is_no_secret(tmp_path: Path) -> None:
    """The classic: an RSA key that everybody knows, used as an HMAC secret."""
    pair = private_key("pair", "RS256")
    keys = JwtKeys.load(key_file(tmp_path, pair))
    public = jwt.PyJWK(public_half(pair)).key
    from cryptography.hazmat.primitives import serialization

    for encoding, form in (
        (
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        ),
        (
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        ),
        (serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
    ):
        secret = public.public_bytes(encoding, form)
        for algorithm in ("HS256", "RS256"):
            header = {"alg": algorithm, "kid": "pair", "typ": "JWT"}
            refused(keys, signed_by_hand(header, claims(), secret))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_token_cannot_do_without_a_signature(algorithm: str) -> None:
    keys = JwtKeys.of_secret(SECRET, "HS256")
    header = {"alg": algorithm, "kid": "secret"}
    for signature in ("", encoded(b"x" * 32)):
        refused(keys, f"{unsigned(header, claims())}.{signature}")


def test_an_algorithm_of_the_same_family_is_another_one(tmp_path: Path) -> None:
    keys = JwtKeys.of_secret(SECRET, "HS256")
    for algorithm in ("HS384", "HS512"):
        token = jwt.encode(claims(), SECRET, algorithm, headers={"kid": "secret"})
        refused(keys, token)
    pair = private_key("pair", "RS256")
    made: Any = jwt.PyJWK(pair).key
    loaded = JwtKeys.load(key_file(tmp_path, pair))
    for algorithm in ("PS256", "RS512"):
        refused(loaded, jwt.encode(claims(), made, algorithm, headers={"kid": "pair"}))


def test_a_key_is_found_by_its_id_only(tmp_path: Path) -> None:
    keys = JwtKeys.load(key_file(tmp_path, oct_key("a"), oct_key("b", secret="b" * 64)))
    for header in ({}, {"kid": "c"}, {"kid": "b"}, {"kid": ""}):
        refused(keys, jwt.encode(claims(), SECRET, "HS256", headers=header))
    by_hand = {"alg": "HS256", "kid": ["a"]}
    refused(keys, signed_by_hand(by_hand, claims(), SECRET.encode()))
    # keys that a token brings along or points at are not looked at
    for more in ({"jwk": oct_key("a")}, {"jku": "http://evil"}, {"x5u": "http://evil"}):
        header = {"alg": "HS256", "kid": "nobody", **more}
        refused(keys, signed_by_hand(header, claims(), SECRET.encode()))


def test_an_expired_token_says_so() -> None:
    keys = JwtKeys.of_secret(SECRET, "HS256")
    with pytest.raises(InvalidBearer, match="expired"):
        keys.verify(keys.sign(claims(exp=int(time.time()) - 1)).encode())
    for missing in ("exp", "iat", "sub"):
        less = {name: value for name, value in claims().items() if name != missing}
        refused(keys, keys.sign(less))


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"..",
        b"a.b.c",
        b"\xff.\xfe.\xfd",
        b"e30.e30.e30",
        unsigned({"alg": "HS256", "kid": "secret"}, {}).encode() + b".",
        b"." * 4_000,
        encoded(b"[" * 3_000).encode() + b".e30.e30",
    ],
)
def test_nonsense_is_refused(token: bytes) -> None:
    refused(JwtKeys.of_secret(SECRET, "HS256"), token)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "must be one that signs"),
        ([oct_key("a"), oct_key("a")], "the same kid"),
        ([oct_key("")], "a kid and an alg"),
        ([{"kty": "oct", "kid": "a", "k": "AAAA"}], "a kid and an alg"),
        ([oct_key("a", secret="short")], "wants 32 bytes"),
        ([oct_key("a", "RS256")], "not one for RS256"),
        ([oct_key("a", "none")], "none, which is not supported"),
        ([oct_key("a", "ES256K")], "ES256K, which is not supported"),
        ([private_key("a", "RS256", bits=1_024)], "wants 2048 bits"),
        ([{**private_key("a", "RS256"), "alg": "HS256"}], "not one for HS256"),
        ([{**private_key("a", "ES384"), "alg": "ES256"}], "key a "),
        ([{**private_key("a", "EdDSA"), "crv": "X25519"}], "not one for EdDSA"),
    ],
)
def test_a_weak_or_wrong_key_is_refused_by_its_id(
    tmp_path: Path, keys: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as wrong:
        JwtKeys.load(key_file(tmp_path, *keys))
    for key in keys:
        assert str(key.get("k") or key.get("d") or "nothing") not in str(wrong.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"keys": 5}', '{"keys": [5]}'])
def test_a_file_that_is_no_key_set_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="keys.json"):
        JwtKeys.load(path)
    with pytest.raises(ValueError, match="cannot read"):
        JwtKeys.load(tmp_path / "nowhere.json")
