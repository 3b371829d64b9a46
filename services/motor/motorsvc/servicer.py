"""MotorService on gRPC."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from typing import Any

import grpc
import numpy as np

from motorsvc.conversation import Conversation
from motorsvc.metrics import MotorMetrics
from motorsvc.selector import Selector
from qbrixcore.context import as_vector
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import Unavailable
from qbrixproto import common_pb2
from qbrixproto import motor_pb2
from qbrixproto import motor_pb2_grpc
from qbrixserving.health import Health

if TYPE_CHECKING:
    from qbrixserving.tracing.tracer import Tracer

Context = grpc.aio.ServicerContext[Any, Any]


class MotorServicer(motor_pb2_grpc.MotorServiceServicer):
    """Until it is told to work, calls are answered Unavailable and streams wait."""

    def __init__(self, metrics: MotorMetrics, tracer: Tracer | None = None) -> None:
        self.health: Health | None = None
        self.selector: Selector | None = None
        self._awake = asyncio.Event()
        self._conversations: set[Conversation] = set()
        self._stopping = False
        self._metrics = metrics
        self._tracer = tracer
        metrics.watch(
            lambda: len(self._conversations),
            lambda: sum(one.cold_items for one in self._conversations),
        )

    async def Select(
        self, request: motor_pb2.SelectRequest, context: Context
    ) -> motor_pb2.SelectResponse:
        """One choice. The context's vector counts; properties are not encoded here."""
        if request.context.HasField("properties"):
            raise InvalidContext("the motor takes vectors, not properties")
        if not (request.tenant_id and request.experiment_id):
            raise ExperimentNotFound("tenant_id and experiment_id are needed")
        selector = self._working()
        ready = await selector.ready((request.tenant_id, request.experiment_id), 0)
        vector = as_vector(np.asarray(request.context.vector, dtype=np.float32))
        arms, _ = await selector.choose_aside(ready, vector.reshape(1, -1))
        self._metrics.chose(ready.agent.policy.spec.name, 1)
        index = int(arms[0])
        arm = ready.agent.definition.arms[index]
        return motor_pb2.SelectResponse(
            arm=common_pb2.Arm(id=arm.id, name=arm.name, index=index, is_active=True)
        )

    async def SelectStream(self, requests: object, context: Context) -> None:
        """Frames of selects, until the caller or ``drain`` ends it.

        It begins once the motor works: who waits for its greeting loses nothing.
        """
        await self._awake.wait()
        conversation = self._conversation(context)
        self._conversations.add(conversation)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)

    async def Health(
        self, request: common_pb2.HealthCheckRequest, context: Context
    ) -> common_pb2.HealthCheckResponse:
        """Whether selects should be sent here."""
        if self.health is None:
            return common_pb2.HealthCheckResponse()
        return self.health.answer()

    def _conversation(self, context: Context) -> Conversation:
        selector = self._working()
        if self._tracer is None:
            return Conversation(context, selector, self._metrics)
        from motorsvc.traced import TracedConversation

        return TracedConversation(context, selector, self._metrics, self._tracer)

    def work(self, selector: Selector) -> None:
        """Choose with this from now on, for the streams that wait to begin with."""
        self.selector = selector
        self._awake.set()

    def drain(self) -> None:
        """End the streams, each after it has answered what it has read."""
        self._stopping = True
        self._awake.set()
        for conversation in self._conversations:
            conversation.stop()

    def _working(self) -> Selector:
        if self._stopping:
            raise Unavailable("the motor is stopping")
        if self.selector is None:
            raise Unavailable("the motor is not ready yet")
        return self.selector
