"""Where the services of a gRPC server are added: each method is wrapped once."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import grpc

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Generic = grpc.GenericRpcHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    Generic = grpc.GenericRpcHandler

Wrap = Callable[[str, Handler], Handler]  # by the full name of a method


class Methods(Generic):
    """The methods of a server, in the place of the server for what adds services.

    An interceptor would do the same for every call: a coroutine and two calls each.
    """

    def __init__(self, *wraps: Wrap) -> None:
        """The first of ``wraps`` is the outermost one."""
        self._wraps = wraps
        self._services: list[Generic] = []
        self._wrapped: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[Generic]) -> None:
        """Serve these too."""
        self._services.extend(handlers)

    def add_registered_method_handlers(
        self, service: str, handlers: Mapping[str, Handler]
    ) -> None:
        """Nothing: generated code adds the same methods as generic handlers, too.

        grpc.aio waits for the next call of each registered method with a task of its
        own, and goes through all of these tasks for every call.
        """

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """The wrapped method that a call is for, None if there is none."""
        name = details.method
        wrapped = self._wrapped.get(name)
        if wrapped is None:
            wrapped = self._wrap(details)
            if wrapped is not None:
                self._wrapped[name] = wrapped
        return wrapped

    def _wrap(self, details: grpc.HandlerCallDetails) -> Handler | None:
        for service in self._services:
            handler = service.service(details)
            if handler is not None:
                for wrap in reversed(self._wraps):
                    handler = wrap(details.method, handler)
                return handler
        return None
