"""ProxyService: select and feedback."""

from __future__ import annotations

from proxysvc import scopes
from proxysvc.grpc.base import Methods
from proxysvc.grpc.caller import Context
from proxysvc.grpc.caller import time_left
from proxysvc.grpc.messages import decision
from proxysvc.grpc.values import Properties
from proxysvc.selection import Selection
from qbrixlog import request_id
from qbrixproto import proxy_pb2 as proxy


class AgentMethods(Methods):
    """The methods that decide and learn."""

    selection: Selection

    async def Select(
        self, request: proxy.SelectRequest, context: Context
    ) -> proxy.SelectResponse:
        """An arm for a context; ``request_id`` is empty while paused."""
        caller = await self.caller()
        scopes.require(caller, scopes.AGENT_READ)
        given = request.context
        selected = await self.selection.select(
            caller,
            request.experiment_id,
            given.id,
            given.vector or None,
            Properties(given.properties) if given.HasField("properties") else None,
            request_id(),
            time_left(context),
            given.metadata,
        )
        if selected.param_version is not None:
            version = ("x-param-version", str(selected.param_version))
            context.set_trailing_metadata((version,))
        return decision(
            selected.arm, selected.index, selected.request_id, selected.is_default
        )

    async def Feedback(
        self, request: proxy.FeedbackRequest, context: Context
    ) -> proxy.FeedbackResponse:
        """The reward of a selection is in the log."""
        caller = await self.caller()
        scopes.require(caller, scopes.AGENT_WRITE)
        await self.selection.feedback(caller, request.request_id, request.reward)
        return proxy.FeedbackResponse(accepted=True)
