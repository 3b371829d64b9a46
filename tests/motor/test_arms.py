"""Arms that come and go while an experiment is selected from."""

from __future__ import annotations

import grpc
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
from tests.proxy.waiting import eventually

from qbrixcore.definition import Definition
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import implementation

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]
INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]
SWAPPED = (0, 1, 2)


async def grow(store: Store, wider: Definition) -> None:
    """What cortex does when a definition has more arms."""
    stored = await store.params.get(TENANT, wider.experiment)
    assert stored is not None
    policy = implementation(wider.policy)
    hyper = msgspec.convert(wider.hyper, policy.spec.hyper)
    state = policy.grow(hyper, stored.state, len(wider.arms))
    header = msgspec.structs.replace(
        stored.header, num_arms=state.num_arms, version=stored.header.version + 1
    )
    await store.params.put(TENANT, wider.experiment, Stored(header, state))


@pytest.mark.parametrize(
    ("policy", "params"),
    [("BetaTSPolicy", {}), ("auto", {}), ("LinUCBPolicy", {"dim": 2})],
)
async def test_a_new_arm_is_chosen_as_soon_as_the_state_has_it(
    store: Store, stream: Stream, policy: str, params: dict[str, object]
) -> None:
    name = f"grown-{policy}"
    known = await store.publish(definition(policy, params, name=name))
    vectors = np.ones((200, known.dim))
    many = list(range(200))
    assert max(arms((await stream.ask(group(known, many, vectors)))[0])) <= 2
    wider = await store.publish(
        definition(policy, params, name=name, arms=5, version=2)
    )
    assert max(arms((await stream.ask(group(wider, many, vectors)))[0])) <= 2
    await grow(store, wider)

    async def chosen() -> bool:
        answers = await stream.ask(group(wider, many, vectors))
        return {3, 4} <= set(arms(answers[0]))

    await eventually(chosen, int(PATIENCE))


async def test_an_arm_that_comes_back_is_chosen_again(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition(name="back"))
    await store.teach(known, arm=1)
    await stream.ask(group(known, [1]))
    without = await store.publish(deactivated(known, 1))
    many = list(range(100))
    assert 1 not in arms((await stream.ask(group(without, many)))[0])
    back = msgspec.structs.replace(known, version=without.version + 1)
    await store.publish(back)
    # what it was taught is still known
    assert set(arms((await stream.ask(group(back, many)))[0])) == {1}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
async def test_while_no_active_arm_is_in_the_state_a_select_is_unavailable(
    store: Store, stream: Stream, warm: bool
) -> None:
    name = f"swapped-{warm}"
    known = await store.publish(definition(name=name))
    if warm:
        await stream.ask(group(known, [1]))
    wider = definition(name=name, arms=4, version=2)
    swapped = await store.publish(deactivated(wider, *SWAPPED))
    for _ in range(3):
        answer = (await stream.ask(group(swapped, [1])))[1]
        assert answer.status == UNAVAILABLE
    await grow(store, swapped)

    async def only_the_new_one() -> bool:
        answer = (await stream.ask(group(swapped, [1, 2])))[1]
        return answer.status == 0 and arms(answer) == [3, 3]

    await eventually(only_the_new_one, int(PATIENCE))


async def test_without_any_active_arm_the_request_is_at_fault(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition(name="none"))
    none = await store.publish(deactivated(known, *SWAPPED))
    for _ in range(2):
        assert (await stream.ask(group(none, [1])))[1].status == INVALID
