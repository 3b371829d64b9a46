"""Cost of a selection's token and of a reward in the log."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from proxysvc.token import Keyring
from proxysvc.token import Mint
from proxysvc.token import unseal
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Pool
from qbrixstore.redis import event
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout

EXPERIMENT = "0123456789abcdef0123456789abcdef"
DIMS = [0, 16, 64]
TOGETHER = 64
KEYRING = Keyring([("k1", b"s" * 32)])


def vector(dim: int) -> bytes | None:
    return bytes(4 * dim) or None


@pytest.mark.parametrize("dim", DIMS)
def test_mint_a_token(benchmark: BenchmarkFixture, dim: int) -> None:
    pool = Pool.of("a", "b")
    experiment = Experiment(EXPERIMENT, "e", pool, "BetaTSPolicy")
    definition = make_definition(EXPERIMENT, experiment, 1)
    mint = Mint(KEYRING, Layout())
    text = benchmark(mint.mint, definition, 1, 0, 7, 0.25, vector(dim))
    assert unseal(text, KEYRING).vector == vector(dim)
    benchmark.extra_info["characters"] = len(text)


@pytest.mark.parametrize("dim", DIMS)
def test_unseal_a_token(benchmark: BenchmarkFixture, dim: int) -> None:
    pool = Pool.of("a", "b")
    experiment = Experiment(EXPERIMENT, "e", pool, "BetaTSPolicy")
    definition = make_definition(EXPERIMENT, experiment, 1)
    text = Mint(KEYRING, Layout()).mint(definition, 1, 0, 7, 0.25, vector(dim))
    assert benchmark(unseal, text, KEYRING).arm == 1


def reward(dim: int) -> FeedbackEvent:
    return FeedbackEvent(
        issuer=2**63,
        sequence=123_456,
        tenant=EXPERIMENT,
        experiment=EXPERIMENT,
        generation=1,
        arm=3,
        reward=1.0,
        propensity=0.25,
        vector=vector(dim),
        issued_ms=1_790_000_000_000,
        received_ms=1_790_000_000_500,
    )


@pytest.mark.parametrize("dim", DIMS)
def test_encode_a_reward(benchmark: BenchmarkFixture, dim: int) -> None:
    data = benchmark(event.encode, reward(dim))
    assert event.decode(data) == reward(dim)
    benchmark.extra_info["bytes"] = len(data)


@pytest.mark.parametrize("dim", DIMS)
def test_decode_rewards(benchmark: BenchmarkFixture, dim: int) -> None:
    data = [event.encode(reward(dim))] * TOGETHER
    assert benchmark(event.decode_many, data) == [reward(dim)] * TOGETHER
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_reward"] = seconds / TOGETHER * 1e6
