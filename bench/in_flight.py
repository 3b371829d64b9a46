"""What keeping account of choices in flight costs a motor, a choice.

    python -m bench.in_flight

Chooses as the motor does, from memory, one by one and in frames, with the account and
without. ``stated`` is the alternative: handing a covariance to every call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from typing import Final
from typing import NamedTuple

import numpy as np
from bench.load import say
from numpy.typing import NDArray

from motorsvc.flight import in_flight
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.param.codec import Stored
from qbrixcore.param.codec import fresh
from qbrixcore.policy.registry import implementation

ARMS: Final = 10
LEARNED: Final = 1_000
SECONDS: Final = 0.6
ROUNDS: Final = 30
LONGEST: Final = 60.0
CASES: Final = (
    ("BetaTSPolicy", 0),
    ("UCB1TunedPolicy", 0),
    ("KLUCBPolicy", 0),
    ("LinUCBPolicy", 10),
    ("LinUCBPolicy", 64),
    ("GLMUCBPolicy", 10),
)
FRAMES: Final = (1, 64)

Way = Callable[[NDArray[np.float32]], None]


class Case(NamedTuple):
    """A policy with a state that has learned, and all it needs to choose."""

    policy: Any
    hyper: Any
    stored: Stored
    active: NDArray[np.bool_]
    rng: np.random.Generator

    def choose(
        self, state: Any, contexts: NDArray[np.float32], flying: InFlight
    ) -> NDArray[np.int64]:
        """The arms for a frame of contexts."""
        given = (self.hyper, state, contexts, self.active, flying, self.rng)
        arms: NDArray[np.int64] = self.policy.select_many(*given)[0]
        return arms


def make_case(name: str, dim: int) -> Case:
    """A thousand random rewards learned."""
    policy, rng = implementation(name), np.random.default_rng(1)
    hyper = policy.spec.validate({"dim": dim} if dim else {})
    stored = fresh(policy.spec, hyper, ARMS)
    feedback = Feedback.of(
        rng.integers(0, ARMS, LEARNED),
        rng.integers(0, 2, LEARNED).astype(np.float64),
        np.full(LEARNED, 1 / ARMS),
        rng.normal(size=(LEARNED, dim)).astype(np.float32),
    )
    stored = Stored(stored.header, policy.fold(hyper, stored.state, feedback))
    return Case(policy, hyper, stored, np.ones(ARMS, dtype=np.bool_), rng)


def ways(case: Case) -> dict[str, Way]:
    """How a frame can be chosen for, by name."""
    state, none = case.stored.state, InFlight.none(ARMS)
    found: dict[str, Way] = {
        "without": lambda contexts: void(case.choose(state, contexts, none))
    }
    flight = in_flight(case.policy, case.stored, LONGEST, None)
    if flight is None:
        return found

    def kept(contexts: NDArray[np.float32]) -> None:
        account = flight.level()
        flight.add(case.choose(account.state, contexts, account.in_flight), contexts)

    found["kept"] = kept
    if case.stored.header.dim:
        dim = case.stored.header.dim
        vectors = case.rng.normal(size=(ARMS, 50, dim))
        gram = np.ascontiguousarray(vectors.transpose(0, 2, 1) @ vectors)
        stated = InFlight(np.full(ARMS, 50.0), gram)
        found["stated"] = lambda contexts: void(case.choose(state, contexts, stated))
    return found


def void(_: object) -> None:
    """Nothing: what was chosen is not wanted."""


def micros(way: Way, contexts: NDArray[np.float32]) -> float:
    """Microseconds a choice, the least of a few rounds."""
    rounds = []
    for _ in range(ROUNDS):
        calls, start = 0, time.perf_counter()
        while (now := time.perf_counter()) < start + SECONDS / ROUNDS:
            way(contexts)
            calls += 1
        rounds.append(1e6 * (now - start) / calls / len(contexts))
    return min(rounds)


def main() -> None:
    """Print a table."""
    say("| policy, features | frame | without | account kept | covariance stated |")
    say("|---|---:|---:|---:|---:|")
    for name, dim in CASES:
        case = make_case(name, dim)
        for size in FRAMES:
            contexts = case.rng.normal(size=(size, dim)).astype(np.float32)
            found = {way: micros(call, contexts) for way, call in ways(case).items()}
            cells = [
                f"{found[way]:.2f} µs" if way in found else ""
                for way in ("without", "kept", "stated")
            ]
            label = f"{name}, {dim}" if dim else name
            say(f"| {label} | {size} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
