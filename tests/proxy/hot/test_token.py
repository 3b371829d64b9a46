"""Tokens: what is sealed comes back, and nothing else does."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.proxy.hot.samples import definition as sample

from proxysvc.issuer import Issuer
from proxysvc.token import FORMAT
from proxysvc.token import Keyring
from proxysvc.token import Mint
from proxysvc.token import Token
from proxysvc.token import admit
from proxysvc.token import seal
from proxysvc.token import seal_many
from proxysvc.token import unseal
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.errors import InvalidToken
from qbrixcore.errors import TokenExpired
from qbrixstore.redis.layout import Layout

OLD = ("old", b"o" * 32)
NEW = ("new", b"n" * 40)
KEYRING = Keyring([NEW, OLD])

tokens = st.builds(
    Token,
    format=st.just(FORMAT),
    key_id=st.just("new"),
    tenant=st.text(max_size=40),
    experiment=st.text(max_size=40),
    layout=st.integers(0, 1000),
    issuer=st.integers(0, 2**64 - 1),
    sequence=st.integers(0, 2**63 - 1),
    issued_ms=st.integers(0, 2**53),
    arm=st.integers(0, 2**31 - 1),
    generation=st.integers(0, 2**53),
    version=st.none() | st.integers(0, 2**53),
    propensity=st.none() | st.floats(0, 1),
    vector=st.none() | st.binary(max_size=64),
    flags=st.integers(0, 255),
)


def example(**changes: object) -> Token:
    token = Token(FORMAT, "new", "t1", "e1", 1, 7, 8, 1_000, 2, 0, 3, 0.5, None)
    return msgspec.structs.replace(token, **changes)


@given(tokens)
def test_a_token_comes_back_as_it_was(token: Token) -> None:
    text = seal(token, KEYRING.signing_key)
    assert unseal(text, KEYRING) == token
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@given(tokens, st.data())
def test_no_bit_of_a_token_may_change(token: Token, data: st.DataObject) -> None:
    text = seal(token, KEYRING.signing_key).encode()
    bit = data.draw(st.integers(0, 8 * len(text) - 1))
    forged = bytearray(text)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidToken):
        unseal(forged.decode("latin-1"), KEYRING)


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        unseal(text, KEYRING)


@pytest.mark.parametrize("change", ["=", "==", "\n", " ", "A"])
def test_nothing_may_be_added(change: str) -> None:
    text = seal(example(), KEYRING.signing_key)
    with pytest.raises(InvalidToken):
        unseal(text + change, KEYRING)


def test_truncated_tokens_are_refused() -> None:
    text = seal(example(), KEYRING.signing_key)
    for length in range(len(text)):
        with pytest.raises(InvalidToken):
            unseal(text[:length], KEYRING)


def test_an_older_secret_still_verifies() -> None:
    before = Keyring([OLD])
    text = seal(example(key_id="old"), before.signing_key)
    assert unseal(text, KEYRING).key_id == "old"


def test_an_unknown_key_is_refused() -> None:
    stranger = Keyring([("new", b"x" * 32)])
    unknown = Keyring([("other", b"o" * 32)])
    with pytest.raises(InvalidToken, match="wrong signature"):
        unseal(seal(example(), stranger.signing_key), KEYRING)
    with pytest.raises(InvalidToken, match="unknown key"):
        unseal(seal(example(key_id="other"), unknown.signing_key), KEYRING)


def test_a_newer_format_is_refused() -> None:
    text = seal(example(format=FORMAT + 1), KEYRING.signing_key)
    with pytest.raises(InvalidToken, match="unknown format"):
        unseal(text, KEYRING)


def test_a_foreign_token_is_refused() -> None:
    with pytest.raises(InvalidToken, match="another tenant"):
        admit(example(), "t2", 60, now_ms=1_000)


def test_a_token_expires_after_its_time_to_live() -> None:
    admit(example(), "t1", 60, now_ms=61_000)
    with pytest.raises(TokenExpired, match="^token expired"):
        admit(example(), "t1", 60, now_ms=61_001)


def test_sealing_leaves_the_key_as_it_was() -> None:
    before = KEYRING.signing_key.digest()
    assert seal(example(), KEYRING.signing_key) == seal(example(), KEYRING.signing_key)
    assert KEYRING.signing_key.digest() == before


def test_keys_are_parsed_with_and_without_ids() -> None:
    secret = "s" * 32
    named = Keyring.parse([f"k2:{secret}"], strong=True)
    bare = Keyring.parse([secret], strong=True)
    assert named.signing_id == "k2"
    assert named.signing_key.digest() == bare.signing_key.digest()
    assert bare.signing_id == Keyring.parse([secret], strong=True).signing_id


@pytest.mark.parametrize(
    ("entries", "wants"),
    [
        ([], "at least one"),
        ([":" + "s" * 32], "kid:secret"),
        (["k1:"], "kid:secret"),
        (["k1:short-secret"], "32 bytes"),
        (["short-secret"], "32 bytes"),
        (["k1:" + "a" * 32, "k1:" + "b" * 32], "distinct"),
    ],
)
def test_bad_keys_are_refused_without_showing_them(
    entries: list[str], wants: str
) -> None:
    with pytest.raises(ValueError, match=wants) as caught:
        Keyring.parse(entries, strong=True)
    assert "short-secret" not in str(caught.value)


def test_short_secrets_will_do_outside_production() -> None:
    assert Keyring.parse(["k1:dev"], strong=False).signing_id == "k1"


def test_issuers_count_each_shard_for_itself() -> None:
    issuer = Issuer()
    issued = [issuer.next(shard) for shard in (0, 0, 2, 0, 1)]
    assert [sequence for _, sequence in issued] == [0, 1, 0, 2, 0]
    assert len(set(issued)) == 5
    # shards that are put together must not take their tokens for the same
    assert len({number for number, _ in issued}) == 3
    assert Issuer().next(0) != Issuer().next(0)


def test_a_mint_numbers_its_tokens() -> None:
    definition = Definition(
        tenant="t1",
        experiment="e1",
        version=1,
        policy="BetaTSPolicy",
        hyper={},
        arms=(DefinitionArm("a", "A"),),
    )
    mint = Mint(KEYRING, Layout(4, 1))
    made = [
        unseal(mint.mint(definition, 0, 2, 5, None, b"\0\0\0\0"), KEYRING)
        for _ in range(3)
    ]
    assert [token.sequence for token in made] == [0, 1, 2]
    assert len({token.issuer for token in made}) == 1
    first = made[0]
    assert (first.tenant, first.experiment, first.layout) == ("t1", "e1", 4)
    assert (first.arm, first.generation, first.version) == (0, 2, 5)
    assert (first.propensity, first.vector, first.flags) == (None, b"\0\0\0\0", 0)


@pytest.mark.parametrize("vectors", [[None] * 3, [b"\0" * 4, b"\1" * 4, b"\2" * 4]])
def test_a_mint_makes_many_as_it_makes_one(vectors: list[bytes | None]) -> None:
    made = sample("BetaTSPolicy", reward_window_sec=60)
    mint = Mint(KEYRING, Layout(4, 1))
    one = unseal(mint.mint(made, 2, 3, 5, 0.5, vectors[0]), KEYRING)
    texts = mint.mint_many(made, [2, 0, 1], 3, 5, [0.5, None, 0.25], vectors)
    many = [unseal(text, KEYRING) for text in texts]
    assert [token.sequence for token in many] == [1, 2, 3]
    assert [token.arm for token in many] == [2, 0, 1]
    assert [token.propensity for token in many] == [0.5, None, 0.25]
    assert [token.vector for token in many] == vectors
    issued = many[0].issued_ms
    assert one.issued_ms <= issued
    assert msgspec.structs.replace(one, sequence=1, issued_ms=issued) == many[0]
    assert unseal(mint.mint(made, 0, 3, 5, None, None), KEYRING).sequence == 4


def test_many_are_sealed_as_each_alone() -> None:
    tokens = [example(sequence=n, experiment="e" * n) for n in range(7)]
    key = KEYRING.signing_key
    assert seal_many(tokens, key) == [seal(token, key) for token in tokens]
