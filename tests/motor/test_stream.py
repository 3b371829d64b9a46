"""The select stream against a real store."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from tests.motor.calls import Stream
from tests.motor.calls import arms
from tests.motor.calls import group
from tests.motor.store import Store
from tests.motor.store import deactivated
from tests.motor.store import definition

from qbrixproto.motor_pb2 import SelectGroup

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]
INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]
LATE = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


async def test_a_group_is_answered_item_by_item(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    answers = await stream.ask(group(known, [7, 8, 9]))
    assert set(answers) == {7, 8, 9}
    answered = answers[7]
    assert all(0 <= arm < 3 for arm in arms(answered))
    assert (answered.generation, answered.param_version) == (0, 0)
    assert answered.definition_version == 1


async def test_groups_of_a_frame_are_answered_apart(
    store: Store, stream: Stream
) -> None:
    plain = await store.publish(definition(name="e1"))
    linear = await store.publish(definition("LinUCBPolicy", {"dim": 2}, name="e2"))
    answers = await stream.ask(
        group(plain, [1, 2]),
        group(linear, [3, 4], [[1.0, 0.0], [0.0, 1.0]]),
        group("nowhere", [5]),
    )
    assert len(arms(answers[1])) == len(arms(answers[3])) == 2
    assert answers[5].status == NOT_FOUND
    assert "nowhere" in answers[5].detail


async def test_probabilities_are_told_where_they_are_known(
    store: Store, stream: Stream
) -> None:
    exact = await store.publish(definition("EXP3Policy", name="e1"))
    unknown = await store.publish(definition("LinTSPolicy", {"dim": 1}, name="e2"))
    answers = await stream.ask(group(exact, [1, 2]), group(unknown, [3], [[1.0]]))
    assert list(answers[1].propensities) == pytest.approx([1 / 3, 1 / 3])
    assert list(answers[3].propensities) == []


async def test_warm_groups_do_not_wait_for_cold_ones(
    store: Store, stream: Stream
) -> None:
    warm = await store.publish(definition(name="warm"))
    await stream.ask(group(warm, [1]))
    cold = await store.publish(definition(name="cold"))
    await stream.send(group(cold, [2]), group(warm, [3]))
    first = await stream.receive()
    assert first is not None
    assert [list(one.seqs) for one in first.groups] == [[3]]
    second = await stream.receive()
    assert second is not None
    assert [list(one.seqs) for one in second.groups] == [[2]]
    assert (first.received, second.received) == (2, 2)


async def test_every_frame_is_received_at_once(store: Store, stream: Stream) -> None:
    await stream.send(group("nowhere", [1]))
    first = await stream.receive()
    assert first is not None
    assert first.received == 1
    assert not first.groups


async def test_learning_reaches_the_next_selects(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    await stream.ask(group(known, [1]))
    version = await store.teach(known, arm=2)

    answers = await stream.ask(group(known, [0]))
    while answers[0].param_version < version:
        answers = await stream.ask(group(known, list(range(10))))
    assert arms(answers[0]) == [2] * 10


async def test_only_active_arms_are_chosen(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    await store.teach(known, arm=2)
    await stream.ask(group(known, [1]))
    without = await store.publish(deactivated(known, 2))
    chosen = arms((await stream.ask(group(without, list(range(100)))))[0])
    assert set(chosen) == {0, 1}


async def test_a_newer_definition_is_waited_for(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    await stream.ask(group(known, [1]))
    for version in range(2, 12):
        newer = await store.publish(definition(version=version))
        answers = await stream.ask(group(newer, [version]))
        assert answers[version].definition_version == version


async def test_arms_that_the_state_lacks_are_not_chosen(
    store: Store, stream: Stream
) -> None:
    await store.publish(definition(arms=3))
    wider = await store.publish(definition(arms=5, version=2))
    chosen = arms((await stream.ask(group(wider, list(range(200)))))[0])
    assert set(chosen) == {0, 1, 2}


async def test_no_arm_left_is_an_error(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    none = await store.publish(deactivated(known, 0, 1, 2))
    assert (await stream.ask(group(none, [1])))[1].status == INVALID


async def test_missing_params_are_never_the_prior(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    await store.forget_params(known)
    answered = (await stream.ask(group(known, [1])))[1]
    assert answered.status == UNAVAILABLE
    assert "no stored parameters" in answered.detail


async def test_damaged_params_are_an_error(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    key = store.layout.params("t1", "e1")
    await store.client.execute("HSET", key, "s", b"not a state")
    answered = (await stream.ask(group(known, [1])))[1]
    assert answered.status == grpc.StatusCode.INTERNAL.value[0]


async def test_params_of_another_shape_are_an_error(
    store: Store, stream: Stream
) -> None:
    await store.publish(definition("LinUCBPolicy", {"dim": 2}))
    other = await store.publish(definition("LinUCBPolicy", {"dim": 3}, version=2))
    answered = (await stream.ask(group(other, [1], [[1.0, 1.0, 1.0]])))[1]
    assert answered.status == grpc.StatusCode.INTERNAL.value[0]


async def test_a_removed_experiment_is_not_found(store: Store, stream: Stream) -> None:
    known = await store.publish(definition())
    await stream.ask(group(known, [1]))
    await store.definitions.remove("t1", "e1", 2)

    answers = await stream.ask(group(known, [2]))
    while answers[2].status == 0:
        answers = await stream.ask(group(known, [2]))
    assert answers[2].status == NOT_FOUND


async def test_expired_items_are_answered_without_work(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition())
    cold = await stream.ask(group(known, [1], remaining_ms=0))
    await stream.ask(group(known, [2]))
    mixed = group(known, [3, 4, 5])
    mixed.remaining_ms[:] = [20_000, 0, 20_000]
    answers = await stream.ask(mixed)
    assert (cold[1].status, answers[4].status) == (LATE, LATE)
    assert list(answers[3].seqs) == [3, 5]
    assert len(arms(answers[3])) == 2


@pytest.mark.parametrize("warm", [False, True])
async def test_a_feature_that_is_not_finite_spoils_only_its_own_item(
    store: Store, stream: Stream, warm: bool
) -> None:
    known = await store.publish(definition("LinUCBPolicy", {"dim": 2}))
    if warm:
        await stream.ask(group(known, [1], [[1.0, 0.0]]))
    rows = [[1.0, 0.0], [np.nan, 0.0], [0.0, np.inf], [0.0, 1.0]]
    answers = await stream.ask(group(known, [10, 11, 12, 13], rows))
    assert [answers[seq].status for seq in (10, 11, 12, 13)] == [0, INVALID, INVALID, 0]
    assert len(arms(answers[10])) == 2


async def test_a_wrong_width_is_told(store: Store, stream: Stream) -> None:
    known = await store.publish(definition("LinUCBPolicy", {"dim": 2}))
    answers = await stream.ask(group(known, [1, 2], [[1.0] * 3] * 2))
    assert answers[1].status == answers[2].status == INVALID
    assert "expects 2 features, got 3" in answers[1].detail


@pytest.mark.parametrize(
    "malformed",
    [
        {"remaining_ms": [1]},
        {"remaining_ms": [5, 5, 5]},
        {"remaining_ms": [5, 5], "dim": 1},
        {"remaining_ms": [5, 5], "dim": 2, "vectors": bytes(15)},
    ],
)
async def test_uneven_columns_are_refused(
    store: Store, stream: Stream, malformed: dict[str, object]
) -> None:
    await store.publish(definition())
    uneven = SelectGroup(
        tenant_id="t1",
        experiment_id="e1",
        definition_version=1,
        seqs=[1, 2],
        **malformed,  # type: ignore[arg-type]
    )
    answers = await stream.ask(uneven)
    assert answers[1].status == answers[2].status == INVALID


async def test_a_frame_of_too_many_items_is_refused(
    store: Store, stream: Stream
) -> None:
    known = await store.publish(definition())
    answers = await stream.ask(group(known, list(range(257))))
    assert {answered.status for answered in answers.values()} == {INVALID}
    assert len(arms((await stream.ask(group(known, list(range(256)))))[0])) == 256


async def test_work_too_long_for_the_loop_is_done_aside(
    store: Store, stream: Stream
) -> None:
    wide = await store.publish(definition("UCB1TunedPolicy", arms=2_000))
    for _ in range(2):
        answers = await stream.ask(group(wide, list(range(256))))
        chosen = arms(answers[0])
        assert len(chosen) == 256
        assert len(set(chosen)) > 100
