"""Selects that are asked for together, answered in parts, late or not at all."""

from __future__ import annotations

import asyncio

import numpy as np
from tests.proxy.hot.samples import definition
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Line
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import chosen
from tests.proxy.waiting import eventually

from proxysvc.stream.bundle import MOST_TOGETHER
from proxysvc.stream.bundle import Bundle
from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import LONGEST_TEXT
from proxysvc.stream.frames import MAX_BYTES
from proxysvc.stream.frames import pack
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Unavailable
from qbrixcore.schema import MAX_DIM
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame

PLAIN = definition("BetaTSPolicy", name="plain")
LINEAR = definition("LinUCBPolicy", {"dim": 2}, name="linear")


def ask(client: MotorClient, count: int) -> Bundle:
    ids = [f"user-{n}" for n in range(count)]
    [bundle] = client.select_many(PLAIN, ids, None)
    return bundle


def arms(bundle: Bundle) -> dict[int, int]:
    """What was chosen, by position."""
    return {
        place: arm
        for part in bundle.parts
        for place, arm in zip(part.places, part.arms, strict=True)
    }


def some(frame: SelectFrame, rows: list[int], arm: int) -> AnswerFrame:
    answers = AnswerFrame()
    seqs = [frame.groups[0].seqs[row] for row in rows]
    answers.groups.add(seqs=seqs, arms=[arm] * len(rows), param_version=5)
    return answers


async def until_open(client: MotorClient, items: int) -> None:
    async def holds() -> bool:
        return client.in_flight == items

    await eventually(holds)


async def test_they_share_a_group_with_each_other_and_with_single_ones(
    client: MotorClient, line: Line
) -> None:
    rows = np.arange(12, dtype="<f4").reshape(6, 2)
    vectors = [row.tobytes() for row in rows]
    one = client.select_many(LINEAR, ["a", "b"], vectors[:2], "trace")
    single = client.select(LINEAR, "c", vectors[2])
    two = client.select_many(LINEAR, ["d", "e", "f"], vectors[3:])
    frame = await line.read()
    [group] = frame.groups
    wanted = dict(zip("abcdef", vectors, strict=True))
    sent = [group.vectors[at : at + 8] for at in range(0, 48, 8)]
    assert dict(zip(group.context_ids, sent, strict=True)) == wanted
    traces = dict(zip(group.context_ids, group.trace_ids, strict=True))
    assert traces == {"a": "trace", "b": "trace", **dict.fromkeys("cdef", "")}
    assert (group.dim, len(set(group.seqs)), len(group.remaining_ms)) == (2, 6, 6)
    answers = chosen(frame)
    answers.groups[0].arms[:] = [" abcdef".index(x) for x in group.context_ids]
    await line.write(answers)
    assert (await single).arm == 3
    await asyncio.gather(*(bundle.future for bundle in (*one, *two)))
    assert (arms(one[0]), arms(two[0])) == ({0: 1, 1: 2}, {0: 4, 1: 5, 2: 6})
    assert client.in_flight == 0


async def test_parts_are_answered_in_any_order(client: MotorClient, line: Line) -> None:
    bundle = ask(client, 6)
    frame = await line.read()
    await line.write(some(frame, [4, 1], arm=2))
    # told twice, the first time counts
    await line.write(some(frame, [5, 4, 0], arm=1))
    refused = AnswerFrame()
    refused.groups.add(seqs=frame.groups[0].seqs[2:3], status=3, detail="told so")
    await line.write(refused)
    await until_open(client, 1)
    assert not bundle.future.done()
    await line.write(some(frame, [3], arm=0))
    await bundle.future
    assert arms(bundle) == {0: 1, 1: 2, 3: 0, 4: 2, 5: 1}
    [(place, error)] = bundle.failures.items()
    assert (place, type(error), str(error)) == (2, InvalidContext, "told so")


async def test_another_stream_answers_what_is_still_open(
    client: MotorClient, line: Line, peer: Peer
) -> None:
    bundle = ask(client, 4)
    frame = await line.read()
    await line.write(some(frame, [0, 2], arm=1))
    await until_open(client, 2)
    line.hang_up()
    second = await peer.line()
    rest = await second.read()
    assert list(rest.groups[0].context_ids) == ["user-1", "user-3"]
    await second.write(chosen(rest, arm=2))
    await bundle.future
    assert arms(bundle) == {0: 1, 1: 2, 2: 1, 3: 2}


async def test_what_is_late_fails_alone(port: int, peer: Peer) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 9, 0.2) as client:
        line = await peer.line()
        bundle = ask(client, 3)
        held = ask(client, 2)
        await line.write(some(await line.read(), [1], arm=1))
        await asyncio.gather(bundle.future, held.future)
        assert arms(bundle) == {1: 1}
        assert sorted(bundle.failures) == [0, 2]
        assert sorted(held.failures) == [0, 1]
        failures = [*bundle.failures.values(), *held.failures.values()]
        assert {type(error) for error in failures} == {Unavailable}
        assert client.in_flight == 0


async def test_closing_fails_what_is_open(peer: Peer, port: int) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 9, PATIENCE) as client:
        line = await peer.line()
        sent = ask(client, 2)
        await line.read()
        held = ask(client, 1)
    failures = [*sent.failures.values(), *held.failures.values()]
    assert [str(error) for error in failures] == ["the proxy is stopping"] * 3
    assert sent.future.done() and held.future.done()


async def test_those_beyond_the_bound_are_in_no_bundle(port: int, peer: Peer) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 5, PATIENCE) as client:
        line = await peer.line()
        single = client.select(PLAIN, "somebody", None)
        bundle = ask(client, 7)
        assert (bundle.items, client.in_flight) == (4, 5)
        assert client.select_many(PLAIN, ["a"], None) == []
        await line.answer(5, arm=1)
        await asyncio.gather(single, bundle.future)
        assert arms(bundle) == dict.fromkeys(range(4), 1)


async def test_a_bundle_that_was_given_up_is_not_sent(
    client: MotorClient, line: Line
) -> None:
    first = ask(client, 2)
    frame = await line.read()
    given_up, patient = ask(client, 3), ask(client, 1)
    given_up.future.cancel()
    await line.write(chosen(frame))
    second = await line.read()
    assert len(second.groups[0].seqs) == 1
    await line.write(chosen(second))
    await asyncio.gather(first.future, patient.future)
    assert client.in_flight == 0


async def test_many_go_out_in_frames_of_256(client: MotorClient, line: Line) -> None:
    ids = [f"user-{n}" for n in range(700)]
    bundles = client.select_many(PLAIN, ids, None)
    assert [bundle.items for bundle in bundles] == [*[128] * 5, 60]
    sizes = []
    while sum(sizes) < 700:
        frame = await line.read()
        sizes.append(sum(len(group.seqs) for group in frame.groups))
        await line.write(chosen(frame))
    assert max(sizes) == 256
    await asyncio.gather(*(bundle.future for bundle in bundles))


async def test_the_largest_bundle_fits_a_frame() -> None:
    wide = definition("LinUCBPolicy", {"dim": MAX_DIM})
    future = asyncio.get_running_loop().create_future()
    largest = Bundle(
        1 << 40,
        wide,
        ["\N{OGHAM LETTER BEITH}" * LONGEST_TEXT] * MOST_TOGETHER,
        [bytes(4 * MAX_DIM)] * MOST_TOGETHER,
        "x" * 128,
        3_600.0,
        future,
        ["x" * 55] * MOST_TOGETHER,
    )
    assert pack([largest], 0.0).ByteSize() <= min(largest.size, MAX_BYTES)
