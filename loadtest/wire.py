"""Users of the gRPC API."""

from __future__ import annotations

import random
import time
from typing import Any

import gevent
import grpc
import grpc.experimental.gevent
from google.protobuf.struct_pb2 import Struct
from loadtest.rest import DWELL
from loadtest.tenants import WORLD
from loadtest.tenants import next_tenant
from loadtest.world import CONTEXTUAL
from loadtest.world import PLAIN
from loadtest.world import Visitor
from loadtest.world import reward
from loadtest.world import somebody
from locust import User
from locust import between
from locust import task

from qbrixproto.common_pb2 import Context
from qbrixproto.proxy_pb2 import FeedbackRequest
from qbrixproto.proxy_pb2 import SelectRequest
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

LIMIT_SEC = 5.0

# without it the first call would stop every other user
grpc.experimental.gevent.init_gevent()


class GrpcUser(User):
    """Selects, waits, and says what came of it, over a channel of its own."""

    weight = 3
    wait_time = between(0.05, 0.3)

    def on_start(self) -> None:
        """Open a channel."""
        self.rng = random.Random()
        # channels to one address share a connection unless they are told otherwise
        alone = (("grpc.use_local_subchannel_pool", 1),)
        self.channel = grpc.insecure_channel(WORLD.grpc, options=alone)
        self.stub = ProxyServiceStub(self.channel)

    def on_stop(self) -> None:
        """Close the channel."""
        self.channel.close()

    @task(2)
    def decide(self) -> None:
        """One selection and its reward."""
        self._decide(PLAIN)

    @task
    def decide_by_context(self) -> None:
        """The same where the best arm depends on who asks."""
        self._decide(CONTEXTUAL)

    def _decide(self, kind: str) -> None:
        tenant, visitor = next_tenant(), somebody(self.rng)
        self.metadata = (("x-api-key", tenant.key),)
        asked = SelectRequest(
            experiment_id=tenant.experiments[kind], context=_context(visitor)
        )
        chosen = self._ask(self.stub.Select, asked, f"select, {kind}")
        if chosen is None:
            return
        gevent.sleep(self.rng.uniform(*DWELL))
        earned = reward(kind, visitor, chosen.arm.index, self.rng)
        told = FeedbackRequest(request_id=chosen.request_id, reward=earned)
        self._ask(self.stub.Feedback, told, f"feedback, {kind}")

    def _ask(self, call: Any, message: Any, name: str) -> Any:
        """The answer, None when there was an error; locust is told of both."""
        start, answer, failed = time.perf_counter(), None, None
        try:
            answer = call(message, metadata=self.metadata, timeout=LIMIT_SEC)
        except grpc.RpcError as error:
            failed = error
        self.environment.events.request.fire(
            request_type="gRPC",
            name=name,
            response_time=(time.perf_counter() - start) * 1_000,
            response_length=0 if answer is None else answer.ByteSize(),
            response=answer,
            context={},
            exception=failed,
        )
        return answer


def _context(visitor: Visitor) -> Context:
    properties = Struct()
    properties.update({"device": visitor.device})
    metadata = {"plan": visitor.plan}
    return Context(id=visitor.id, properties=properties, metadata=metadata)
