"""Propensities are prepared for a version and a definition, before selects see them."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest
from tests.motor.calls import PATIENCE
from tests.motor.calls import Stream
from tests.motor.calls import arms
from tests.motor.calls import group
from tests.motor.store import TENANT
from tests.motor.store import Store
from tests.motor.store import deactivated
from tests.motor.store import definition

from qbrixcore.definition import Definition
from qbrixcore.policy.registry import implementation

POLICIES = ("BetaTSPolicy", "GaussianTSPolicy", "DirichletTSPolicy", "FPLPolicy")


async def expected(store: Store, known: Definition) -> list[float]:
    """What the policy prepares for the params and arms as they are now."""
    stored = await store.params.get(TENANT, known.experiment)
    assert stored is not None
    policy = implementation(known.policy)
    hyper = msgspec.convert(known.hyper, policy.spec.hyper)
    active = np.array([arm.active for arm in known.arms])
    prepared = policy.prepare(hyper, stored.state, active)
    assert prepared is not None
    return prepared.propensities.tolist()


async def until_told(
    stream: Stream, known: Definition, version: int, chances: list[float]
) -> None:
    """Select until answers are of this version and tell propensities of these chances.

    Where they tell any they must be these.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            answered = (await stream.ask(group(known, [1, 2, 3])))[1]
            if answered.param_version == version and answered.propensities:
                wanted = [chances[arm] for arm in arms(answered)]
                assert list(answered.propensities) == pytest.approx(wanted, rel=1e-9)
                return


@pytest.mark.parametrize("policy", POLICIES)
async def test_propensities_follow_params_and_arms(
    store: Store, stream: Stream, policy: str
) -> None:
    known = await store.publish(definition(policy, arms=4))
    first = (await stream.ask(group(known, [1])))[1]
    assert list(first.propensities) == pytest.approx([1 / 4])
    version = await store.teach(known, arm=2, times=3)
    await until_told(stream, known, version, await expected(store, known))
    fewer = await store.publish(deactivated(known, 1))
    chances = await expected(store, fewer)
    assert chances[1] == 0.0 and sum(chances) == pytest.approx(1.0)
    await until_told(stream, fewer, version, chances)


async def test_a_changed_definition_is_prepared_without_new_params(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition(arms=3))
    await stream.ask(group(known, [1]))
    fewer = await store.publish(deactivated(known, 0))
    # not one answer of the new definition tells a propensity of the old one
    for _ in range(50):
        answered = (await stream.ask(group(fewer, [1])))[1]
        assert answered.definition_version == fewer.version
        assert list(answered.propensities) in ([], [0.5])
    await until_told(stream, fewer, 0, [0.0, 0.5, 0.5])


async def test_many_arms_are_answered_as_fast_as_few(
    store: Store, stream: Stream
) -> None:
    """Draws from prepared propensities never leave the loop, however many arms."""
    wide = await store.publish(definition(arms=2_000))
    few = await store.publish(definition(name="e2"))
    await stream.ask(group(wide, [0]), group(few, [1]))
    seqs = list(range(200))
    await stream.send(group(wide, seqs), group(few, [200]))
    answers = await stream.answers()
    assert set(answers) == {*seqs, 200}
    assert len(set(arms(answers[0]))) > 100
    assert list(answers[0].propensities) == pytest.approx([1 / 2_000] * 200)


async def test_what_is_prepared_in_part_still_reads_the_context(
    store: Store, stream: Stream
) -> None:
    """Once a version is prepared, no choice of it is drawn ahead of its context."""
    known = await store.publish(definition("MetaBanditPolicy", {"dim": 2}, arms=3))
    for seq in range(20):
        answered = (await stream.ask(group(known, [seq], [[1.0, 0.5]])))[seq]
        assert not answered.detail
        assert len(arms(answered)) == 1
        await asyncio.sleep(0.01)
