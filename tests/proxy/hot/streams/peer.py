"""The other end of a select stream, doing what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2_grpc import MotorServiceServicer
from qbrixproto.motor_pb2_grpc import add_MotorServiceServicer_to_server

PATIENCE = 20.0
END: Any = grpc.aio.EOF  # type: ignore[attr-defined]


class Line:
    """One stream that a caller has opened."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._received = 0
        self.hung_up = asyncio.Event()

    async def read(self) -> SelectFrame:
        """The next frame."""
        async with asyncio.timeout(PATIENCE):
            frame = await self._context.read()
        assert frame is not END, "the caller ended the stream"
        self._received += 1
        made: SelectFrame = frame
        return made

    async def write(self, answers: AnswerFrame | None = None) -> None:
        """Answers, or only that everything read was received."""
        frame = answers or AnswerFrame()
        frame.received = self._received
        await self._context.write(frame)

    async def answer(self, items: int, arm: int = 0) -> None:
        """As many frames as hold so many items."""
        while items > 0:
            frame = await self.read()
            await self.write(chosen(frame, arm))
            items -= sum(len(group.seqs) for group in frame.groups)

    def hang_up(self) -> None:
        """End the stream without another word."""
        self.hung_up.set()


class Peer(MotorServiceServicer):
    """Queues the streams that callers open."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Line] = asyncio.Queue()
        self.refuse = False

    async def SelectStream(self, requests: object, context: Any) -> None:
        if self.refuse:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        line = Line(context)
        await line.write()
        await self.lines.put(line)
        await line.hung_up.wait()

    async def line(self) -> Line:
        """The next stream that is opened."""
        async with asyncio.timeout(PATIENCE):
            return await self.lines.get()


@asynccontextmanager
async def listening(peer: Peer, port: int = 0) -> AsyncIterator[int]:
    """The port that a peer answers on."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_MotorServiceServicer_to_server(peer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(0)


def chosen(frame: SelectFrame, arm: int = 0) -> AnswerFrame:
    """The same arm for every item."""
    answers = AnswerFrame()
    for group in frame.groups:
        answers.groups.add(
            seqs=group.seqs, arms=[arm] * len(group.seqs), param_version=5
        )
    return answers
