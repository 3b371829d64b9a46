"""The stream to a motor: what goes into a frame, and what happens when it breaks."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest
from tests.proxy.hot.samples import definition
from tests.proxy.hot.streams.peer import PATIENCE
from tests.proxy.hot.streams.peer import Line
from tests.proxy.hot.streams.peer import Peer
from tests.proxy.hot.streams.peer import chosen

from proxysvc.stream.client import MotorClient
from proxysvc.stream.frames import Choice
from proxysvc.stream.frames import Pick
from proxysvc.stream.link import Link
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame

PLAIN = definition("BetaTSPolicy", name="plain")
LINEAR = definition("LinUCBPolicy", {"dim": 2}, name="linear", version=4)


def ask(client: MotorClient, count: int = 1) -> list[asyncio.Future[Choice]]:
    return [client.select(PLAIN, f"user-{n}", None) for n in range(count)]


async def test_what_waits_goes_out_in_one_frame(
    client: MotorClient, line: Line
) -> None:
    vectors = np.array([[1, 2], [3, 4]], "<f4")
    waiting = [
        client.select(PLAIN, "a", None, "trace-a"),
        client.select(LINEAR, "b", vectors[0].tobytes(), "trace-b"),
        client.select(PLAIN, "c", None),
        client.select(LINEAR, "d", vectors[1].tobytes()),
    ]
    frame = await line.read()
    plain, linear = frame.groups
    assert (plain.tenant_id, plain.experiment_id) == ("t1", "plain")
    assert (linear.experiment_id, linear.definition_version) == ("linear", 4)
    assert list(plain.context_ids) == ["a", "c"]
    assert list(plain.trace_ids) == ["trace-a", ""]
    assert (plain.dim, plain.vectors) == (0, b"")
    assert (linear.dim, linear.vectors) == (2, vectors.tobytes())
    assert all(0 < ms <= 1_000 * PATIENCE for ms in plain.remaining_ms)
    await line.write(chosen(frame, arm=1))
    assert await waiting[3] == Choice(1, None, 0, 5, 0)
    assert [(await one).arm for one in waiting] == [1, 1, 1, 1]


async def test_one_frame_is_on_the_way_and_the_rest_gathers(
    client: MotorClient, line: Line
) -> None:
    first = ask(client)
    frame = await line.read()
    rest = ask(client, 40)
    await line.write(chosen(frame))
    await asyncio.gather(*first)
    second = await line.read()
    assert len(second.groups[0].seqs) == 40
    await line.write(chosen(second))
    await asyncio.gather(*rest)


async def test_a_frame_that_was_only_received_lets_the_next_one_go(
    client: MotorClient, line: Line
) -> None:
    cold = ask(client)
    slow = await line.read()
    warm = ask(client)
    await line.write()
    quick = await line.read()
    await line.write(chosen(quick))
    await asyncio.gather(*warm)
    assert not cold[0].done()
    await line.write(chosen(slow))
    await asyncio.gather(*cold)


async def test_a_frame_holds_256_items_and_a_mebibyte(
    client: MotorClient, line: Line
) -> None:
    wide = definition("LinUCBPolicy", {"dim": 1_024}, name="wide")
    waiting = ask(client, 300)
    waiting += [client.select(wide, "w", bytes(4_096)) for _ in range(600)]
    items: list[int] = []
    while sum(items) < 900:
        frame = await line.read()
        assert frame.ByteSize() <= 1 << 20
        items.append(sum(len(group.seqs) for group in frame.groups))
        await line.write(chosen(frame))
    assert max(items) == 256
    await asyncio.gather(*waiting)


async def test_probabilities_come_back_where_they_are_known(
    client: MotorClient, line: Line
) -> None:
    waiting = ask(client, 2)
    frame = await line.read()
    answers = chosen(frame)
    answers.groups[0].propensities[:] = [0.25, float("nan")]
    await line.write(answers)
    assert [(await one).propensity for one in waiting] == [0.25, None]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (3, InvalidContext),
        (4, Unavailable),
        (5, ExperimentNotFound),
        (8, Overloaded),
        (13, QbrixError),
        (14, Unavailable),
    ],
)
async def test_an_error_comes_back_as_what_it_was(
    client: MotorClient, line: Line, status: int, error: type[QbrixError]
) -> None:
    waiting = ask(client, 2)
    frame = await line.read()
    answers = AnswerFrame()
    answers.groups.add(seqs=frame.groups[0].seqs, status=status, detail="told so")
    await line.write(answers)
    for one in waiting:
        with pytest.raises(error, match="told so") as raised:
            await one
        assert type(raised.value) is error


async def test_answers_that_nobody_waits_for_are_ignored(
    client: MotorClient, line: Line
) -> None:
    given_up, patient = ask(client, 2)
    frame = await line.read()
    given_up.cancel()
    answers = chosen(frame)
    answers.groups.add(seqs=[10**9], arms=[1])
    await line.write(answers)
    assert (await patient).arm == 0
    assert client.in_flight == 0


async def test_who_gave_up_before_the_frame_left_is_not_sent(
    client: MotorClient, line: Line
) -> None:
    first = ask(client)
    frame = await line.read()
    waiting = ask(client, 3)
    waiting[1].cancel()
    await line.write(chosen(frame))
    second = await line.read()
    assert list(second.groups[0].context_ids) == ["user-0", "user-2"]
    await line.write(chosen(second))
    await asyncio.gather(first[0], waiting[0], waiting[2])


async def test_beyond_the_bound_is_refused_at_once(port: int, peer: Peer) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 3, PATIENCE) as client:
        line = await peer.line()
        waiting = ask(client, 3)
        with pytest.raises(Overloaded):
            ask(client)
        await line.write(chosen(await line.read()))
        await asyncio.gather(*waiting)
        again = ask(client, 3)
        await line.write(chosen(await line.read()))
        await asyncio.gather(*again)


async def test_a_silent_motor_is_given_up(port: int, peer: Peer) -> None:
    async with MotorClient([f"127.0.0.1:{port}"], 9, 0.1) as client:
        line = await peer.line()
        [late] = ask(client)
        await line.read()
        with pytest.raises(Unavailable, match="did not answer in time"):
            await late
        assert client.in_flight == 0


async def test_a_caller_may_be_less_patient(client: MotorClient, line: Line) -> None:
    patient = ask(client)
    hurried = client.select(PLAIN, "h", None, "", 0.05)
    frame = await line.read()
    assert frame.groups[0].remaining_ms[1] <= 50
    with pytest.raises(Unavailable):
        await hurried
    assert not patient[0].done()
    await line.write(chosen(frame))
    await asyncio.gather(*patient)


class Failing:
    """A call that fails just as it is cancelled, which hides the cancellation."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()

    async def read(self) -> AnswerFrame:
        self.reading.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            nothing = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.UNAVAILABLE, nothing, nothing
            ) from None
        raise AssertionError

    def cancel(self) -> None:
        """It has ended."""


async def test_closing_ends_a_call_that_fails_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = Failing()
    link = Link("127.0.0.1:1", lambda: None)
    monkeypatch.setattr(link, "_open", lambda: call)
    await call.reading.wait()
    async with asyncio.timeout(PATIENCE):
        await link.close()


class Ended:
    """A call that the motor has ended, which nobody has read yet."""

    def __init__(self) -> None:
        self._frames = iter([AnswerFrame()])

    async def read(self) -> AnswerFrame:
        for frame in self._frames:
            return frame
        await asyncio.Event().wait()
        raise AssertionError

    async def write(self, frame: SelectFrame) -> None:
        raise asyncio.InvalidStateError("RPC already finished.")

    def cancel(self) -> None:
        """It has ended."""


async def test_writing_to_a_stream_that_has_ended_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    changes = asyncio.Semaphore(0)
    link = Link("127.0.0.1:1", changes.release)
    monkeypatch.setattr(link, "_open", Ended)
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    pick = Pick(1, PLAIN, "somebody", None, "", until, loop.create_future())
    link.put(pick)
    async with asyncio.timeout(PATIENCE):
        # it stands, and then it does not
        await changes.acquire()
        await changes.acquire()
    assert link.surrender() == [pick]
    await link.close()
    assert "failed" not in caplog.text
