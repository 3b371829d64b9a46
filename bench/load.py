"""wrk as a function: requests per second and latencies of one round."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_TOTAL = re.compile(r"(\d+) requests in")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKETS = re.compile(r"Socket errors: (.*)")
_QUANTILE = re.compile(r"^\s+(50|99)(?:\.0+)?%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_UNIT = {"us": 1e-3, "ms": 1.0, "s": 1e3}

SCRIPT = """\
wrk.method = "POST"
wrk.body = [==[{body}]==]
{headers}
"""


class Round(msgspec.Struct, frozen=True):
    """What one run of wrk saw; latencies in milliseconds."""

    rate: float
    total: int
    p50: float
    p99: float


class Target(msgspec.Struct, frozen=True):
    """A request to send over and over."""

    url: str
    body: str
    headers: dict[str, str]


async def load(target: Target, connections: int, seconds: int) -> Round:
    """Send for a while over so many connections.

    Raises RuntimeError when wrk is missing or any answer was an error.
    """
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: install it (Debian: apt-get install wrk)")
    headers = "\n".join(
        f'wrk.headers["{name}"] = "{value}"' for name, value in target.headers.items()
    )
    with tempfile.TemporaryDirectory(prefix="qbrix-bench-") as directory:
        script = Path(directory) / "request.lua"
        script.write_text(SCRIPT.format(body=target.body, headers=headers))
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"),
            *("-s", str(script), target.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    return read(out.decode())


def read(text: str) -> Round:
    """The figures in what wrk printed. Raises RuntimeError when there were errors."""
    for failed in (_BAD.search(text), _SOCKETS.search(text)):
        if failed is not None:
            raise RuntimeError(f"requests failed: {failed[0]}")
    rate, total = _RATE.search(text), _TOTAL.search(text)
    if rate is None or total is None:
        raise RuntimeError(f"wrk said: {text.strip()}")
    at = {q: float(value) * _UNIT[unit] for q, value, unit in _QUANTILE.findall(text)}
    return Round(float(rate[1]), int(total[1]), at["50"], at["99"])


def say(text: str = "") -> None:
    """One line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
