"""Select over gRPC beside a bare grpc.aio unary echo."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import grpc
import psutil
from bench.load import Round
from bench.sheet import Length
from bench.sheet import Sheet
from bench.streams import load_calls
from bench.system.experiments import make
from bench.system.place import Place
from bench.system.place import started
from bench.system.rpc_echo import METHOD
from bench.system.rpc_echo import SERVICE
from bench.system.turns import Runner
from bench.system.turns import ratio
from bench.system.turns import take_turns

from qbrixproto import common_pb2
from qbrixproto import proxy_pb2
from qbrixproto import proxy_pb2_grpc

IN_FLIGHT: Final = (32, 1)
AIM: Final = 32


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each number of calls in flight."""
    table = sheet.table(
        "Select over gRPC beside the unary echo, one connection",
        *("in flight", "select / echo", "select/s", "p50, p99, p99.9 ms"),
        *("CPU µs a select", "echo/s", "p50, p99, p99.9 ms", "CPU µs an echo"),
    )
    async with started() as place:
        [experiment] = await make(place)
        person = common_pb2.Context(id="user-17")
        request = proxy_pb2.SelectRequest(experiment_id=experiment, context=person)
        size = await answer_size(place, request)
        async with rpc_echo(size) as (echoing, port):
            bare_address = f"127.0.0.1:{port}"
            message = request.SerializeToString()

            async def load(address: str, in_flight: int, seconds: int) -> Round:
                url = f"http://{address}/{SERVICE}/{METHOD}"
                key = {"x-api-key": place.key}
                return await load_calls(url, message, key, in_flight, seconds, size)

            await load(place.grpc, AIM, 2)
            for in_flight in IN_FLIGHT:
                seen = await take_turns(
                    {
                        "echo": Runner(
                            partial(load, bare_address, in_flight, length.seconds),
                            {"echo": [echoing]},
                        ),
                        "select": Runner(
                            partial(load, place.grpc, in_flight, length.seconds),
                            place.groups(),
                        ),
                    },
                    length.rounds,
                )
                ours, bare = seen["select"], seen["echo"]
                table.rows.append(
                    [
                        *(str(in_flight), f"{ratio(ours, bare):.3f}"),
                        *(f"{ours.rate:,.0f}", ours.latencies(), ours.costs()),
                        *(f"{bare.rate:,.0f}", bare.latencies()),
                        f"{bare.micros('echo'):.1f}",
                    ]
                )
                if in_flight == AIM:
                    sheet.values["rpc"] = ratio(ours, bare)


async def answer_size(place: Place, request: proxy_pb2.SelectRequest) -> int:
    """Bytes of an answer."""
    async with grpc.aio.insecure_channel(place.grpc) as channel:
        stub = proxy_pb2_grpc.ProxyServiceStub(channel)
        key = (("x-api-key", place.key),)
        return int((await stub.Select(request, metadata=key)).ByteSize())


@asynccontextmanager
async def rpc_echo(size: int) -> AsyncIterator[tuple[psutil.Process, int]]:
    """A running echo and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.system.rpc_echo", str(size)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        await process.wait()
