"""How many gRPC calls go on at once, and for how long those of the control plane do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from typing import Final

import grpc

from proxysvc.turns import Turns
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.registration import Handler

logger = get_logger(__name__)

AGENT: Final = "/qbrix.proxy.ProxyService/"
SERVICES: Final = (AGENT, "/qbrix.auth.AuthService/")
# bounded and timed where they do their work
AGENT_METHODS: Final = frozenset(
    AGENT + name for name in ("Select", "Feedback", "SelectBatch", "FeedbackBatch")
)
HEALTH: Final = AGENT + "Health"

Seconds = float


class CallBounds:
    """Refuses at once what is too much, and gives up what takes too long.

    Selects and feedback take turns of their own, so that neither they nor the control
    plane can keep the other out.
    """

    def __init__(self, agent: Turns, control: Turns, timeout: Seconds) -> None:
        self._agent = agent
        self._control = control
        self._timeout = timeout

    def __call__(self, name: str, handler: Handler) -> Handler:
        """The method's handler, bounded."""
        method = handler.unary_unary
        if method is None or not name.startswith(SERVICES) or name == HEALTH:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._taking(method)
            if name in AGENT_METHODS
            else self._timed(method, name),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _taking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: Any, context: Any) -> Any:
            with self._agent:
                return await method(request, context)

        return answer

    def _timed(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        async def answer(request: Any, context: Any) -> Any:
            with self._control:
                try:
                    async with asyncio.timeout(self._timeout):
                        return await method(request, context)
                except TimeoutError:
                    logger.warning("gave up on %s: it took too long", name)
                    text = "this took too long, and may or may not have been done"
                    raise Unavailable(text) from None

        return answer
