"""Where gRPC waits for the network: in the threads that report results, not in more."""

from __future__ import annotations

import os
import subprocess
import sys
from string import Template
from textwrap import dedent

import pytest

MESSAGES = 1_000
CONVERSATION = Template(
    dedent(
        """
        import $package
        import asyncio
        import grpc
        from pathlib import Path

        async def echo(requests, context):
            async for request in requests:
                yield request

        def handed_over():
            # a thread that was woken has given up its core before, of its own will
            switches = 0
            for task in Path("/proc/self/task").iterdir():
                if (task / "comm").read_text().startswith("event_engine"):
                    for line in (task / "status").read_text().splitlines():
                        if line.startswith("voluntary_ctxt_switches"):
                            switches += int(line.split()[1])
            return switches

        async def main():
            server = grpc.aio.server()
            handler = grpc.stream_stream_rpc_method_handler(echo)
            service = grpc.method_handlers_generic_handler("a.B", {"C": handler})
            server.add_generic_rpc_handlers((service,))
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.stream_stream("/a.B/C")()
                before = handed_over()
                for _ in range($messages):
                    await call.write(b"message")
                    assert await call.read() == b"message"
                print(handed_over() - before)
                await call.done_writing()
            await server.stop(None)

        asyncio.run(main())
        """
    )
)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def switches(package: str, **environ: str) -> int:
    """How often threads of gRPC's engine were woken by a conversation."""
    inherited = {k: v for k, v in os.environ.items() if k != "GRPC_EXPERIMENTS"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            CONVERSATION.substitute(package=package, messages=MESSAGES),
        ],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Unknown experiment" not in done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("package", ["proxysvc.main", "motorsvc.app"])
def test_messages_are_not_handed_from_thread_to_thread(package: str) -> None:
    assert switches(package) < MESSAGES / 10


def test_a_value_from_outside_is_left_alone() -> None:
    assert switches("motorsvc", GRPC_EXPERIMENTS="") > MESSAGES
