"""A caller of the select stream that sees frames as they are."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from tests.motor.store import TENANT

from qbrixcore.definition import Definition
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import AnswerGroup
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup
from qbrixproto.motor_pb2_grpc import MotorServiceStub

PATIENCE = 20.0  # seconds, for a machine that is busy with other things


def group(
    of: Definition | str,
    seqs: list[int],
    vectors: Any = None,
    *,
    remaining_ms: int = 20_000,
    version: int | None = None,
) -> SelectGroup:
    """Items of one experiment."""
    known = isinstance(of, Definition)
    rows = np.zeros((len(seqs), 0)) if vectors is None else np.asarray(vectors)
    return SelectGroup(
        tenant_id=TENANT,
        experiment_id=of.experiment if isinstance(of, Definition) else of,
        definition_version=version or (of.version if known else 1),
        seqs=seqs,
        remaining_ms=[remaining_ms] * len(seqs),
        context_ids=[f"user-{seq}" for seq in seqs],
        dim=rows.shape[1],
        vectors=rows.astype("<f4").tobytes(),
    )


class Stream:
    """One stream to a motor."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._stub = self.stub_of(self._channel)
        self._call: Any = None

    @staticmethod
    def stub_of(channel: grpc.aio.Channel) -> Any:
        """The generated stub; its types know synchronous channels only."""
        return MotorServiceStub(channel)

    async def __aenter__(self) -> Stream:
        # a motor that has not reached its store yet refuses streams
        async with asyncio.timeout(PATIENCE):
            while self._call is None:
                call = self._stub.SelectStream()
                try:
                    hello = await call.read()
                    assert hello.received == 0
                    assert not hello.groups
                    self._call = call
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.02)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call.cancel()
        await self._channel.close(None)

    async def send(self, *groups: SelectGroup) -> None:
        await self._call.write(SelectFrame(groups=groups))

    async def receive(self) -> AnswerFrame | None:
        """The next frame, None at the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            frame = await self._call.read()
        return None if frame is grpc.aio.EOF else frame  # type: ignore[attr-defined]

    async def answers(self) -> dict[int, AnswerGroup]:
        """The answers of the next frame, by sequence number."""
        frame = await self.receive()
        assert frame is not None, "the stream ended"
        return {seq: one for one in frame.groups for seq in one.seqs}

    async def ask(self, *groups: SelectGroup) -> dict[int, AnswerGroup]:
        """Send one frame and wait for all of its answers, by sequence number."""
        await self.send(*groups)
        wanted = {seq for one in groups for seq in one.seqs}
        answers: dict[int, AnswerGroup] = {}
        while not wanted <= answers.keys():
            answers |= await self.answers()
        return answers


def arms(answered: AnswerGroup) -> list[int]:
    """The arms of a group that was answered without an error."""
    assert answered.status == 0, (answered.status, answered.detail)
    assert len(answered.arms) == len(answered.seqs)
    return list(answered.arms)
