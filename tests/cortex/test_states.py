"""States kept between batches: bounded in bytes, the oldest leaving first."""

from __future__ import annotations

from tests.cortex.samples import defined
from tests.cortex.samples import experiment

from cortexsvc.states import Held
from cortexsvc.states import States

STORED = defined(experiment())[1]


def key(name: str) -> tuple[str, str]:
    return ("t", name)


def test_the_least_recently_used_leaves_first() -> None:
    states = States(limit=30)
    for name in "abc":
        states.keep(key(name), Held(STORED, 10))
    assert states.get(key("a")) is STORED
    states.keep(key("d"), Held(STORED, 10))
    assert states.get(key("b")) is None
    assert all(states.get(key(name)) is STORED for name in "acd")


def test_a_replaced_state_counts_once() -> None:
    states = States(limit=30)
    for _ in range(10):
        states.keep(key("a"), Held(STORED, 15))
    states.keep(key("b"), Held(STORED, 15))
    assert states.get(key("a")) is STORED


def test_a_state_larger_than_all_is_not_kept() -> None:
    states = States(limit=30)
    states.keep(key("a"), Held(STORED, 10))
    states.keep(key("b"), Held(STORED, 31))
    assert states.get(key("a")) is None
    assert states.get(key("b")) is None
    states.keep(key("c"), Held(STORED, 30))
    assert states.get(key("c")) is STORED


def test_forgotten_states_make_room() -> None:
    states = States(limit=20)
    states.keep(key("a"), Held(STORED, 20))
    states.forget([key("a"), key("none")])
    states.keep(key("b"), Held(STORED, 20))
    assert states.get(key("b")) is STORED
    states.clear()
    assert states.get(key("b")) is None
