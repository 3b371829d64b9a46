"""Selection tokens: what a select decided, signed, so that feedback needs no store."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Final

import msgspec

from proxysvc.issuer import Issuer
from qbrixcore.definition import Definition
from qbrixcore.errors import InvalidToken
from qbrixcore.errors import TokenExpired
from qbrixcore.errors import WindowPassed
from qbrixstore.redis.layout import Layout

FORMAT: Final = 1
MAC_BYTES: Final = 16
GATED: Final = 1
MIN_SECRET_BYTES: Final = 32

_PERSON: Final = b"qbrix.token.v1"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/", b"+/!!")


class Token(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One selection. ``vector`` is little-endian float32; times are epoch ms.

    Feedback is accepted for ``window_sec``, 0: for as long as any token lives.
    """

    format: int
    key_id: str
    tenant: str
    experiment: str
    layout: int
    issuer: int
    sequence: int
    issued_ms: int
    arm: int
    generation: int
    version: int | None
    propensity: float | None
    vector: bytes | None
    flags: int = 0
    window_sec: int = 0


_encode: Final = msgspec.msgpack.Encoder().encode
_encode_json: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Token).decode


class Keyring:
    """The secrets that tokens may be signed with; the first one signs."""

    __slots__ = ("_keys", "signing_id", "signing_key")

    def __init__(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        if not pairs:
            raise ValueError("wants at least one kid:secret pair")
        self._keys = {kid: _keyed(secret) for kid, secret in pairs}
        if len(self._keys) != len(pairs):
            raise ValueError("wants distinct key ids")
        self.signing_id = pairs[0][0]
        self.signing_key = self._keys[self.signing_id]

    @classmethod
    def parse(cls, entries: Sequence[str], *, strong: bool) -> Keyring:
        """Keys from ``kid:secret`` entries; a bare secret gets an id made from it.

        ``strong`` asks for secrets of 32 bytes or more. Raises ValueError, with a text
        that shows no secret.
        """
        pairs: list[tuple[str, bytes]] = []
        for entry in entries:
            kid, colon, text = entry.partition(":")
            secret = text.encode() if colon else entry.encode()
            if not (kid and secret):
                raise ValueError("wants kid:secret pairs separated by commas")
            if strong and len(secret) < MIN_SECRET_BYTES:
                raise ValueError(
                    f"wants secrets of at least {MIN_SECRET_BYTES} bytes, "
                    f"one of {len(secret)} was given"
                )
            pairs.append((kid if colon else _derived_id(secret), secret))
        return cls(pairs)

    def find(self, kid: str) -> hashlib.blake2b | None:
        """The hash under this key, to be copied."""
        return self._keys.get(kid)


def seal(token: Token, key: hashlib.blake2b) -> str:
    """Text form of a token: base64url, unpadded, of msgpack and a 16-byte MAC."""
    body = _encode(token)
    text = binascii.b2a_base64(body + _mac(body, key), newline=False)
    return text.translate(_TO_URL, b"=").decode()


def seal_many(tokens: Iterable[Token], key: hashlib.blake2b) -> list[str]:
    """The same of many: what is done to the text is done to all of it at once."""
    sealed = [body + _mac(body, key) for body in map(_encode, tokens)]
    # json has bytes as padded base64, between quotes
    text = _encode_json(sealed).translate(_TO_URL, b'="[]').decode()
    return text.split(",") if text else []


def unseal(text: str, keyring: Keyring) -> Token:
    """The token in a text, its MAC checked. Raises InvalidToken."""
    raw = _from_base64url(text)
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    try:
        token = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidToken("request_id is not a token of this service") from error
    key = keyring.find(token.key_id)
    if key is None:
        raise InvalidToken("request_id is signed with an unknown key")
    if not hmac.compare_digest(_mac(body, key), mac):
        raise InvalidToken("request_id has a wrong signature")
    if token.format != FORMAT:
        raise InvalidToken(f"request_id has an unknown format: {token.format}")
    return token


def opened(text: str) -> Token:
    """The token in a text that was sealed here; its MAC is not looked at."""
    return _decode(_from_base64url(text)[:-MAC_BYTES])


class Mint:
    """Makes the tokens of one worker process. Build it after the fork."""

    __slots__ = ("_issuer", "_keyring", "_layout")

    def __init__(self, keyring: Keyring, layout: Layout) -> None:
        self._keyring = keyring
        self._layout = layout
        self._issuer = Issuer()

    def mint(
        self,
        definition: Definition,
        arm: int,
        generation: int,
        version: int | None,
        propensity: float | None,
        vector: bytes | None,
        flags: int = 0,
    ) -> str:
        """A new token, issued now."""
        shard = self._layout.shard_of(definition.experiment)
        issuer, sequence = self._issuer.next(shard)
        token = Token(
            FORMAT,
            self._keyring.signing_id,
            definition.tenant,
            definition.experiment,
            self._layout.number,
            issuer,
            sequence,
            time.time_ns() // 1_000_000,
            arm,
            generation,
            version,
            propensity,
            vector,
            flags,
            definition.reward_window_sec or 0,
        )
        return seal(token, self._keyring.signing_key)

    def mint_many(
        self,
        definition: Definition,
        arms: Sequence[int],
        generation: int,
        version: int,
        propensities: Sequence[float | None],
        vectors: Sequence[bytes | None],
    ) -> list[str]:
        """New tokens of as many choices from one state, issued now."""
        shard = self._layout.shard_of(definition.experiment)
        issuer, first = self._issuer.next_many(shard, len(arms))
        kid, tenant = self._keyring.signing_id, definition.tenant
        experiment, layout = definition.experiment, self._layout.number
        now_ms = time.time_ns() // 1_000_000
        window = definition.reward_window_sec or 0
        rows = zip(arms, propensities, vectors, strict=True)
        tokens = [
            Token(
                FORMAT,
                kid,
                tenant,
                experiment,
                layout,
                issuer,
                sequence,
                now_ms,
                arm,
                generation,
                version,
                propensity,
                vector,
                0,
                window,
            )
            for sequence, (arm, propensity, vector) in enumerate(rows, first)
        ]
        return seal_many(tokens, self._keyring.signing_key)


def admit(token: Token, tenant: str, ttl_sec: float, now_ms: int | None = None) -> None:
    """Let a genuine token pass if it is the tenant's own and not too old.

    Raises InvalidToken for a foreign token, TokenExpired for an old one.
    """
    if token.tenant != tenant:
        raise InvalidToken("request_id belongs to another tenant")
    age_ms = (time.time_ns() // 1_000_000 if now_ms is None else now_ms) - (
        token.issued_ms
    )
    if age_ms > ttl_sec * 1000:
        raise TokenExpired(f"token expired: issued {age_ms // 1000} seconds ago")


def check_window(token: Token) -> None:
    """Raises WindowPassed for a token whose experiment waits no longer."""
    late_ms = time.time_ns() // 1_000_000 - token.issued_ms - token.window_sec * 1_000
    if late_ms > 0:
        raise WindowPassed(
            f"the reward window of {token.window_sec} seconds has passed"
        )


def _keyed(secret: bytes) -> hashlib.blake2b:
    # one length whatever the secret's: blake2b takes keys of up to 64 bytes
    key = hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest()
    return hashlib.blake2b(key=key, digest_size=MAC_BYTES, person=_PERSON)


def _mac(body: bytes, key: hashlib.blake2b) -> bytes:
    # a copy has the key worked in already, which is half of the work
    mac = key.copy()
    mac.update(body)
    return mac.digest()


def _derived_id(secret: bytes) -> str:
    return hashlib.blake2b(secret, digest_size=4, person=b"qbrix.token.kid").hexdigest()


def _from_base64url(text: str) -> bytes:
    try:
        plain = text.encode("ascii").translate(_FROM_URL)
        raw = binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("request_id is not base64url") from error
    # unused trailing bits would let several texts mean one token
    if binascii.b2a_base64(raw, newline=False).rstrip(b"=") != plain:
        raise InvalidToken("request_id is not canonical base64url")
    return raw
