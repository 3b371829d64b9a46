"""What is in flight on top of a state, as time passes and versions come."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.motor.store import definition
from tests.motor.store import prior
from tests.motor.store import taught

from motorsvc import flight as module
from motorsvc.flight import PARTS
from motorsvc.flight import Flight
from motorsvc.flight import in_flight
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import implementation

ARMS = 3
DIM = 2
LONGEST = 10.0

PLAIN = definition("UCB1TunedPolicy", arms=ARMS)
LINEAR = definition("LinUCBPolicy", {"dim": DIM}, arms=ARMS)
TUNED = implementation("UCB1TunedPolicy")
LIN_UCB = implementation("LinUCBPolicy")


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * 10**9

    @property
    def now_ms(self) -> int:
        return self.now_ns // 10**6

    def time(self) -> float:
        return self.now_ns / 1e9

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def time_ns(self) -> int:
        return self.now_ns

    def advance(self, ms: int) -> None:
        self.now_ns += ms * 10**6


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def through(stored: Stored, ms: int) -> Stored:
    """The next version, which has learned up to a time."""
    header = msgspec.structs.replace(
        stored.header, version=stored.header.version + 1, learned_through_ms=ms
    )
    return Stored(header, stored.state)


def flying(policy: Any, stored: Stored, before: Flight | None = None) -> Flight:
    flight = in_flight(policy, stored, LONGEST, before)
    assert flight is not None
    return flight


def choose(flight: Flight, *arms: int) -> None:
    """Select these arms for no context."""
    flight.level()
    flight.add(np.array(arms, dtype=np.int64), np.empty((len(arms), 0), np.float32))


def counts(flight: Flight) -> list[float]:
    return flight.level().in_flight.counts.tolist()


def test_rules_that_read_nothing_in_flight_have_none() -> None:
    for name in ("BetaTSPolicy", "LinTSPolicy", "EXP3Policy", "MetaBanditPolicy"):
        policy = implementation(name)
        known = definition(name, policy.spec.example)
        assert in_flight(policy, prior(known), LONGEST, None) is None


def test_a_newer_version_forgets_what_it_may_have_learned(clock: Clock) -> None:
    stored = prior(PLAIN)
    flight = flying(TUNED, stored)
    choose(flight, 0, 0, 1)
    clock.advance(5)
    cut = clock.now_ms
    choose(flight, 2)
    clock.advance(1)
    choose(flight, 1, 1)
    assert counts(flight) == [2, 3, 1]
    assert counts(flying(TUNED, through(stored, 0), flight)) == [2, 3, 1]
    newer = flying(TUNED, through(stored, cut), flight)
    assert counts(newer) == [0, 2, 0]
    assert counts(flying(TUNED, through(stored, clock.now_ms), newer)) == [0, 0, 0]


def test_choices_by_the_version_before_are_not_missed(clock: Clock) -> None:
    stored = prior(PLAIN)
    older = flying(TUNED, stored)
    newer = flying(TUNED, through(stored, clock.now_ms - 1), older)
    choose(older, 0)
    choose(newer, 1)
    choose(older, 2, 2)
    assert counts(newer) == counts(older) == [1, 1, 2]


def test_choices_grow_too_old(clock: Clock) -> None:
    flight = flying(TUNED, prior(PLAIN))
    choose(flight, 0)
    clock.advance(int(500 * LONGEST))
    choose(flight, 1)
    clock.advance(int(500 * LONGEST) + 1)
    assert counts(flight) == [0, 1, 0]
    clock.advance(int(1_000 * LONGEST))
    assert counts(flight) == [0, 0, 0]


def test_arms_that_a_state_does_not_have_are_left_out(clock: Clock) -> None:
    flight = flying(TUNED, prior(definition("UCB1TunedPolicy", arms=5)))
    choose(flight, 4, 1, 3)
    assert counts(flying(TUNED, through(prior(PLAIN), 0), flight)) == [0, 1, 0]
    more = through(prior(definition("UCB1TunedPolicy", arms=6)), 0)
    assert counts(flying(TUNED, more, flight)) == [0, 1, 0, 1, 1, 0]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("choose"), st.lists(st.integers(0, 2), min_size=1)),
            st.tuples(st.just("wait"), st.integers(0, 8_000)),
            st.tuples(st.just("learn"), st.integers(0, 12_000)),
        ),
        max_size=40,
    )
)
def test_in_flight_is_what_the_definition_says(events: list[tuple[str, Any]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", clock := Clock())
        stored, learned = prior(PLAIN), 0
        flight, chosen = flying(TUNED, stored), list[tuple[int, int]]()
        for kind, value in events:
            if kind == "choose":
                choose(flight, *value)
                chosen += [(clock.now_ms, arm) for arm in value]
            elif kind == "wait":
                clock.advance(value)
            else:
                learned = max(learned, clock.now_ms - value)
                flight = flying(TUNED, stored := through(stored, learned), flight)
            young = clock.now_ms - 1_000 * LONGEST
            grace = 1_000 * LONGEST / PARTS + 1
            for arm, count in enumerate(counts(flight)):
                made = [ms for ms, one in chosen if one == arm]
                assert sum(ms > max(young, learned) for ms in made) <= count
                # within one millisecond nobody knows what came first
                assert count <= sum(ms >= max(young - grace, learned) for ms in made)


def test_contexts_in_flight_widen_each_version(clock: Clock) -> None:
    rng = np.random.default_rng(3)
    stored = prior(LINEAR)
    flight, cut = flying(LIN_UCB, stored), 0
    arms = rng.integers(0, ARMS, 60)
    contexts = rng.normal(size=(60, DIM)).astype(np.float32)
    for start in range(0, 60, 3):
        clock.advance(1)
        flight.level()
        flight.add(arms[start : start + 3], contexts[start : start + 3])
        cut = clock.now_ms if start == 27 else cut
    better = through(taught(LINEAR, stored, arm=1, times=5), cut)
    newer = flying(LIN_UCB, better, flight)
    expected = LIN_UCB.account(better.state)
    assert expected is not None
    expected.add(arms[30:], contexts[30:])
    assert (newer.level().state.inverse == expected.state.inverse).all()
    assert (newer.level().state.theta == better.state.theta).all()


def test_threads_lose_nothing() -> None:
    flight = flying(TUNED, prior(PLAIN))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda arm: [choose(flight, arm) for _ in range(500)], [0, 1, 2]))
        sizes = random.Random(1).choices(range(1, 9), k=200)
        list(pool.map(lambda size: choose(flight, *([2] * size)), sizes))
    assert counts(flight) == [500, 500, 500 + sum(sizes)]
