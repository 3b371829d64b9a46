"""Messages there and back over a gRPC stream between two processes.

python -m bench.system.exchange answer            prints its port
python -m bench.system.exchange ask PORT PID      prints time and CPU of both sides
"""

from __future__ import annotations

import sys
import time
from typing import Any
from typing import Final

import grpc
import psutil
import uvloop
from bench.load import say
from bench.processes import usage

from qbrixserving.polling import IN_PLACE as IN_PLACE

HAND_OVER: Final = ""  # gRPC's default
PATH: Final = "/bench.Exchange/Echo"
MESSAGE: Final = b"x" * 300
WARM_UP: Final = 500
MESSAGES: Final = 4_000


async def answer() -> None:
    """Serve until killed."""

    async def echo(_request: Any, context: Any) -> None:
        while (message := await context.read()) is not grpc.aio.EOF:
            await context.write(message)

    _, service, method = PATH.split("/")
    server = grpc.aio.server()
    handlers = {method: grpc.stream_stream_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    say(str(port))
    await server.wait_for_termination()


async def ask(port: int, process: psutil.Process) -> None:
    """Send one message after the other and print what that took."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(PATH)()
        for _ in range(WARM_UP):
            await _once(call)
        here, there = time.process_time(), usage(process).cpu
        taken = [await _once(call) for _ in range(MESSAGES)]
        here, there = time.process_time() - here, usage(process).cpu - there
        call.cancel()
    say(
        f"  p50 {sorted(taken)[MESSAGES // 2] * 1e6:.0f} us"
        f"   CPU asking {here / MESSAGES * 1e6:.0f} us"
        f"   answering {there / MESSAGES * 1e6:.0f} us"
    )


async def _once(call: Any) -> float:
    start = time.perf_counter()
    await call.write(MESSAGE)
    await call.read()
    return time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1] == "answer":
        uvloop.run(answer())
    else:
        uvloop.run(ask(int(sys.argv[2]), psutil.Process(int(sys.argv[3]))))
