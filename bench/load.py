"""wrk as a function: requests per second and latencies of one round."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

_FIGURES = re.compile(r"^figures (.*)$", re.MULTILINE)

HEAD = """\
wrk.method = "POST"
{headers}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d\\n",
    summary.requests, summary.duration, e.connect, e.read + e.write, e.status,
    e.timeout))
  for _, p in ipairs({{50, 99, 99.9}}) do
    io.write(string.format("figures %d\\n", latency:percentile(p)))
  end
  io.write(string.format("figures %d\\n", latency.max))
end
"""
ONE = "wrk.body = [==[{body}]==]\n"
MANY = """\
local lines, order, at = {{}}, {{}}, 0
for line in io.lines("{bodies}") do lines[#lines + 1] = line end
for line in io.lines("{order}") do order[#order + 1] = tonumber(line) end
init = function(args)
  for n, body in ipairs(lines) do lines[n] = wrk.format(nil, nil, nil, body) end
end
request = function()
  at = at + 1
  if at > #order then {at_the_end} at = 1 end
  return lines[order[at]]
end
"""


class Missing(Exception):
    """A program that a part needs is not on this machine."""


class Round(msgspec.Struct, frozen=True):
    """What one run of a generator saw; latencies in milliseconds."""

    rate: float
    total: int
    p50: float
    p99: float
    p999: float
    most: float


class Target(msgspec.Struct, frozen=True):
    """A request to send over and over."""

    url: str
    body: str
    headers: dict[str, str]


class Series(msgspec.Struct, frozen=True):
    """Requests to send in an order, from the start again unless each counts once."""

    url: str
    bodies: Sequence[str]
    headers: dict[str, str]
    order: Sequence[int]
    once: bool = False


async def load(target: Target | Series, connections: int, seconds: int) -> Round:
    """Send for a while over so many connections.

    Raises Missing without wrk, and RuntimeError when any answer was an error.
    """
    need("wrk", "wrk")
    with tempfile.TemporaryDirectory(prefix="qbrix-bench-") as directory:
        script = write_script(target, Path(directory))
        said = await output(
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"),
            *("-s", str(script), target.url),
        )
    return read(said.text)


def write_script(target: Target | Series, directory: Path) -> Path:
    """What wrk is told to send."""
    text = HEAD.format(headers=_headers(target.headers))
    if isinstance(target, Target):
        text += ONE.format(body=target.body)
    else:
        bodies, order = directory / "bodies", directory / "order"
        bodies.write_text("\n".join(target.bodies))
        order.write_text("\n".join(str(n + 1) for n in target.order))
        end = "wrk.thread:stop()" if target.once else ""
        text += MANY.format(bodies=bodies, order=order, at_the_end=end)
    script = directory / "request.lua"
    script.write_text(text)
    return script


def read(text: str) -> Round:
    """The figures in what wrk printed. Raises RuntimeError when there were errors."""
    found = [list(map(int, line.split())) for line in _FIGURES.findall(text)]
    if len(found) != 5:
        raise RuntimeError(f"wrk said: {text.strip()}")
    (total, micros, *errors), *quantiles = found
    if any(errors):
        names = ("connect", "sockets", "status", "timeout")
        raise RuntimeError(f"requests failed: {dict(zip(names, errors, strict=True))}")
    p50, p99, p999, most = (one / 1e3 for [one] in quantiles)
    return Round(total / micros * 1e6, total, p50, p99, p999, most)


def need(program: str, package: str) -> None:
    """Raises Missing, with what to do."""
    if shutil.which(program) is None:
        raise Missing(
            f"{program} is missing: install it (Debian: apt-get install {package})"
        )


class Said(NamedTuple):
    """How a command ended, and all that it said."""

    code: int
    text: str


async def output(*command: str) -> Said:
    """Run a command to its end; one that is waited for no more is killed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return Said(process.returncode or 0, out.decode(errors="replace"))


def say(text: str = "") -> None:
    """One line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _headers(headers: Mapping[str, str]) -> str:
    return "\n".join(
        f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()
    )
