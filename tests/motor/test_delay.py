"""A motor whose params are old does not send everyone to one arm."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.motor.calls import PATIENCE
from tests.motor.calls import Stream
from tests.motor.calls import arms
from tests.motor.calls import group
from tests.motor.store import TENANT
from tests.motor.store import Store
from tests.motor.store import definition

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.definition import Definition
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import implementation

ARMS = 4
SELECTS = 150
DIMS = {"UCB1TunedPolicy": 0, "KLUCBPolicy": 0, "LinUCBPolicy": 3, "GLMUCBPolicy": 3}

Contexts = NDArray[np.float32]


async def learned(store: Store, known: Definition, dim: int) -> Stored:
    """Params that know every arm, no two of them alike."""
    policy, rng = implementation(known.policy), np.random.default_rng(7)
    stored = await store.params.get(TENANT, known.experiment)
    assert stored is not None
    number = np.arange(20 * ARMS)
    won, arm = number // ARMS, number % ARMS
    feedback = Feedback.of(
        arm,
        (won < 8 + 2 * arm).astype(np.float64),
        None,
        rng.normal(size=(number.size, dim)).astype(np.float32),
    )
    hyper = msgspec.convert(known.hyper, policy.spec.hyper)
    return newer(Stored(stored.header, policy.fold(hyper, stored.state, feedback)), 0)


def newer(stored: Stored, through_ms: int) -> Stored:
    """The next version, which has learned up to a time."""
    version = stored.header.version + 1
    header = msgspec.structs.replace(
        stored.header, version=version, learned_through_ms=through_ms
    )
    return Stored(header, stored.state)


def in_turn(known: Definition, stored: Stored, contexts: Contexts) -> list[int]:
    """The choices, each in flight for those behind it."""
    policy: Any = implementation(known.policy)
    hyper = msgspec.convert(known.hyper, policy.spec.hyper)
    active, none = np.ones(ARMS, dtype=np.bool_), InFlight.none(ARMS)
    rng = np.random.default_rng(0)
    chosen, _ = policy.select_many(hyper, stored.state, contexts, active, none, rng)
    found: list[int] = chosen.tolist()
    return found


async def ask(
    stream: Stream, known: Definition, contexts: Contexts
) -> list[tuple[int, int]]:
    """Select one after the other: arms, and versions of the params."""
    found = []
    for row in contexts:
        vectors = [row] if row.size else None
        answer = (await stream.ask(group(known, [1], vectors)))[1]
        found.append((arms(answer)[0], answer.param_version))
    return found


@pytest.mark.parametrize("name", DIMS)
async def test_lonely_selects_are_spread_as_those_of_one_frame(
    store: Store, stream: Stream, name: str
) -> None:
    dim = DIMS[name]
    known = await store.publish(
        definition(name, {"dim": dim} if dim else {}, arms=ARMS)
    )
    stored = await learned(store, known, dim)
    await store.params.put(TENANT, known.experiment, stored)
    contexts = np.full((SELECTS, dim), 0.5, dtype=np.float32)
    expected = in_turn(known, stored, contexts)
    assert len(set(expected)) > 1, "one arm would always be best"

    half = SELECTS // 2
    answers = await ask(stream, known, contexts[:half])
    # a version that has learned none of it changes nothing
    again = newer(stored, 0)
    await store.params.put(TENANT, known.experiment, again)
    answers += await ask(stream, known, contexts[half:])
    assert [arm for arm, _ in answers] == expected


async def test_a_version_that_has_learned_starts_over(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition("UCB1TunedPolicy", arms=ARMS))
    stored = await learned(store, known, 0)
    await store.params.put(TENANT, known.experiment, stored)
    contexts = np.empty((SELECTS, 0), dtype=np.float32)
    await ask(stream, known, contexts)
    later = newer(stored, int(1_000 * (time.time() + 60)))
    await store.params.put(TENANT, known.experiment, later)
    answers: list[tuple[int, int]] = []
    async with asyncio.timeout(PATIENCE):
        while len(answers) < SELECTS:
            found = await ask(stream, known, contexts[:1])
            answers += [one for one in found if one[1] == later.header.version]
    assert [arm for arm, _ in answers] == in_turn(known, later, contexts)
