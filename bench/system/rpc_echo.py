"""What grpc.aio can do at best: a unary echo with messages of a select's size.

    python -m bench.system.rpc_echo BYTES      prints its port

Reads sockets as the proxy does; decodes nothing, and answers as many bytes each time.
"""

from __future__ import annotations

import sys
from typing import Any
from typing import Final

from qbrixserving.polling import poll_in_place

poll_in_place()

import grpc  # noqa: E402
import uvloop  # noqa: E402
from bench.load import say  # noqa: E402

SERVICE: Final = "qbrix.proxy.ProxyService"
METHOD: Final = "Select"


async def answer(size: int) -> None:
    """Serve until killed."""
    reply = b"x" * size

    async def echo(_request: bytes, _context: Any) -> bytes:
        return reply

    server = grpc.aio.server()
    handlers = {METHOD: grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    say(str(port))
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(answer(int(sys.argv[1])))
