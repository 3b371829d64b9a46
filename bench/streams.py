"""h2load as a function: unary gRPC calls, so many in flight on one connection."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.load import Round
from bench.load import need
from bench.load import output
from bench.sheet import percentile

_RATE = re.compile(r"finished in .*?, ([\d.]+) req/s")
_COUNTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_DATA = re.compile(r"\((\d+)\) data")
PREFIX = 5  # bytes before each message: not compressed, and its length
GRPC = {"content-type": "application/grpc", "te": "trailers"}


async def load_calls(
    url: str,
    message: bytes,
    metadata: Mapping[str, str],
    in_flight: int,
    seconds: int,
    least: int,
) -> Round:
    """Call over and over for a while.

    ``least`` is the size of the smallest answer that is no error: an error of gRPC has
    none, and is none to HTTP. Raises Missing without h2load, RuntimeError when calls
    fail.
    """
    need("h2load", "nghttp2-client")
    with tempfile.TemporaryDirectory(prefix="qbrix-bench-") as directory:
        body, log = Path(directory) / "body", Path(directory) / "log"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        said = await output(
            *("h2load", "-t1", "-c1", f"-m{in_flight}", f"-D{seconds}"),
            *("-d", str(body), f"--log-file={log}"),
            *(f"-H{name}: {text}" for name, text in {**GRPC, **metadata}.items()),
            url,
        )
        lines = log.read_text().splitlines() if log.exists() else []
    took = sorted(int(line.split("\t")[2]) / 1e3 for line in lines)
    return read(said.text, took, least)


def read(said: str, took: list[float], least: int) -> Round:
    """The figures in what h2load printed. Raises RuntimeError for errors."""
    rate, counts, data = _RATE.search(said), _COUNTS.search(said), _DATA.search(said)
    if rate is None or counts is None or data is None or not took:
        raise RuntimeError(f"h2load said: {said.strip()}")
    done, *bad = map(int, counts.groups())
    if any(bad) or int(data[1]) < done * (least + PREFIX):
        raise RuntimeError(f"calls failed: {counts[0]}, {data[1]} bytes of answers")
    at = [percentile(took, share) for share in (0.5, 0.99, 0.999, 1.0)]
    return Round(float(rate[1]), done, *at)
