"""Frames of the select stream: packed and settled by a proxy, answered by a motor."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from inspect import signature
from typing import Any

import msgspec
import numpy as np
import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from motorsvc.agents import Agent
from motorsvc.agents import AgentSource
from motorsvc.cache import SoftCache
from motorsvc.conversation import Conversation
from motorsvc.families import Families
from motorsvc.selector import Selector
from motorsvc.states import Ready
from motorsvc.states import StateSource
from proxysvc.stream.frames import Choice
from proxysvc.stream.frames import Pick
from proxysvc.stream.frames import pack
from proxysvc.stream.frames import settle
from qbrixcore.context import Feedback
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.pool import Pool
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame

ARMS = 10
LOG = 5_000
FRAME = 64
IN_FLIGHT_SEC = 60.0
CASES = [
    pytest.param("BetaTSPolicy", {}, id="BetaTS"),
    pytest.param("UCB1TunedPolicy", {}, id="UCB1-Tuned"),
    pytest.param("LinUCBPolicy", {"dim": 16}, id="LinUCB-16"),
]
Key = tuple[str, str]


class Redis:
    """What the motor reads of its store: one definition, and its state."""

    def __init__(self, definition: Definition, state: bytes) -> None:
        self._definition = definition
        self._state = state

    async def get(self, tenant: str, experiment: str) -> Definition:
        """The definition, whichever is asked for."""
        return self._definition

    async def get_bytes(self, tenant: str, experiment: str) -> bytes:
        """The encoded state."""
        return self._state


def definition(policy: str, params: dict[str, Any]) -> Definition:
    pool = Pool.of(*(f"arm-{arm}" for arm in range(ARMS)))
    return make_definition("t", Experiment("e", "e", pool, policy, params), 1)


def learned(of: Definition) -> bytes:
    """A state after some thousand rewards, as Redis holds it."""
    spec = find_spec(of.policy)
    hyper = msgspec.convert(of.hyper, spec.hyper)
    rng = np.random.default_rng(0)
    feedback = Feedback(
        arms=rng.integers(0, ARMS, LOG),
        rewards=rng.integers(0, 2, LOG).astype(np.float64),
        propensities=np.full(LOG, 1 / ARMS),
        vectors=rng.standard_normal((LOG, of.dim)).astype(np.float32),
    )
    fresh = codec.fresh(spec, hyper, ARMS)
    state = implementation(spec).fold(hyper, fresh.state, feedback)
    return codec.encode(msgspec.structs.replace(fresh, state=state))


def frame(of: Definition, items: int) -> SelectFrame:
    loop = asyncio.get_running_loop()
    return pack(picks(of, items, loop), 0.0)


def picks(of: Definition, items: int, loop: asyncio.AbstractEventLoop) -> list[Pick]:
    vector = np.linspace(-1, 1, of.dim, dtype="<f4").tobytes() if of.dim else None
    return [
        Pick(seq, of, f"user-{seq}", vector, "", 3_600.0, loop.create_future())
        for seq in range(items)
    ]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


async def conversation(of: Definition) -> Conversation:
    """One with a motor that has the experiment in memory."""
    redis: Any = Redis(of, learned(of))
    agents: SoftCache[Agent] = SoftCache(
        AgentSource(redis, Families()).load, ttl=3_600, maxsize=10
    )
    # a revision to compare with may know nothing of choices in flight
    knows = "in_flight_sec" in signature(StateSource).parameters
    source = StateSource(redis, agents, *([IN_FLIGHT_SEC] if knows else []))
    states: SoftCache[Ready] = SoftCache(source.load, ttl=3_600, maxsize=10)
    selector = Selector(agents, states, seed=0)
    await selector.ready((of.tenant, of.experiment), of.version)
    # one before this counted nothing
    counts = "metrics" in signature(Conversation).parameters
    return Conversation(None, selector, *([metrics()] if counts else []))


def metrics() -> Any:
    from motorsvc.metrics import MotorMetrics

    return MotorMetrics()


@pytest.mark.parametrize("items", [1, 8, FRAME])
@pytest.mark.parametrize(("policy", "params"), CASES)
def test_answer(
    benchmark: BenchmarkFixture,
    runner: asyncio.Runner,
    policy: str,
    params: dict[str, Any],
    items: int,
) -> None:
    """From the bytes of a frame to the bytes of its answer."""
    of = definition(policy, params)

    async def prepare() -> tuple[Conversation, bytes]:
        return await conversation(of), frame(of, items).SerializeToString()

    motor, data = runner.run(prepare())

    def answer() -> bytes:
        answers = AnswerFrame()
        motor._answer(SelectFrame.FromString(data), answers)
        return answers.SerializeToString()

    [group] = AnswerFrame.FromString(benchmark(answer)).groups
    assert (group.status, len(group.arms)) == (0, items)
    per_item(benchmark, items)


@pytest.mark.parametrize("items", [1, 8, FRAME])
def test_pack(benchmark: BenchmarkFixture, runner: asyncio.Runner, items: int) -> None:
    """From waiting selects to the bytes of a frame."""
    waiting = picks(definition("LinUCBPolicy", {"dim": 16}), items, runner.get_loop())
    data = benchmark(lambda: pack(waiting, 0.0).SerializeToString())
    assert len(SelectFrame.FromString(data).groups[0].seqs) == items
    per_item(benchmark, items)


@pytest.mark.parametrize("items", [1, 8, FRAME])
def test_settle(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, items: int
) -> None:
    """From the bytes of an answer to selects that are answered."""
    of, loop = definition("BetaTSPolicy", {}), runner.get_loop()
    made = AnswerFrame()
    made.groups.add(
        seqs=range(items),
        arms=[3] * items,
        propensities=[0.1] * items,
        generation=1,
        param_version=7,
        definition_version=1,
    )
    data, settled = made.SerializeToString(), list[Pick]()

    def given() -> tuple[tuple[dict[int, Pick]], dict[str, object]]:
        settled[:] = picks(of, items, loop)
        return ({pick.seq: pick for pick in settled},), {}

    benchmark.pedantic(
        lambda sent: settle(AnswerFrame.FromString(data), sent),
        setup=given,
        rounds=2_000,
    )
    [choice] = {pick.future.result() for pick in settled}
    assert isinstance(choice, Choice)
    assert (choice.arm, choice.version) == (3, 7)
    per_item(benchmark, items)


def per_item(benchmark: BenchmarkFixture, items: int) -> None:
    seconds = benchmark.stats.stats.median if benchmark.stats else math.nan
    benchmark.extra_info["us_per_item"] = seconds / items * 1e6
