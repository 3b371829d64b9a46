"""Everything that is measured, part by part, in one run.

    python -m bench [--quick] [part …]

A part that fails is listed at the end, and fails the run, but stops no other; one for
which a generator of load is missing is skipped. Results are written after each part, to
bench/results/latest.json and latest.md. Asked for some parts only, the others of the
last run of the same revision are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import time
from collections.abc import Awaitable
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from typing import Final

import msgspec
from bench.beside import BESIDE
from bench.load import Missing
from bench.load import say
from bench.machine import facts
from bench.report import LATEST
from bench.report import Part
from bench.report import Run
from bench.report import render
from bench.sheet import FULL
from bench.sheet import QUICK
from bench.sheet import Length
from bench.sheet import Sheet
from bench.targets import judged

SYSTEM: Final = (
    "select",
    "pace",
    "rpc",
    "feedback",
    "batch",
    "shapes",
    "crowd",
    "cold",
    "fanout",
    "drain",
    "freshness",
)
LONG: Final = ("endurance",)
PARTS: Final = (*SYSTEM, *BESIDE[:1], *LONG, *BESIDE[1:])
# parts that are asked for together
GROUPS: Final = {"system": SYSTEM}
LONGEST_SEC: Final = 900

Measure = Callable[[Length, Sheet], Awaitable[None]]


def find(name: str) -> Measure:
    """What measures a part."""
    if name in BESIDE:
        module, function = "bench.beside", name
    else:
        module, function = f"bench.system.{name}", "measure"
    found: Measure = getattr(importlib.import_module(module), function)
    return found


async def attempt(measure: Measure, length: Length) -> Part:
    """One part, to its end or to what broke it."""
    part = Part(f"{datetime.now(UTC):%Y-%m-%d %H:%M}", 0.0, Sheet())
    start = time.perf_counter()
    try:
        async with asyncio.timeout(LONGEST_SEC):
            await measure(length, part.sheet)
    except Missing as error:
        part.skipped = str(error)
    except Exception as error:
        part.failed = f"{type(error).__name__}: {error}"
    part.seconds = round(time.perf_counter() - start, 1)
    return part


def run(parts: tuple[str, ...], length: Length, known: dict[str, Part]) -> Run:
    """Part after part; what is there so far is written each time."""
    made = Run(facts(), length.quick, known)
    for name in parts:
        say(f"--- {name}")
        part = asyncio.run(attempt(find(name), length))
        made.parts[name] = part
        made.parts = {one: made.parts[one] for one in PARTS if one in made.parts}
        say(f"{part.sheet.render()}{name} took {part.seconds:.0f} s")
        if part.failed or part.skipped:
            say(f"failed: {part.failed}" if part.failed else f"skipped: {part.skipped}")
        LATEST.parent.mkdir(exist_ok=True)
        LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))
        LATEST.with_suffix(".md").write_text(render(made))
    return made


def kept(length: Length, parts: tuple[str, ...]) -> dict[str, Part]:
    """The other parts of the last run, if it was of the same code on this machine."""
    if set(parts) == set(PARTS):
        return {}
    try:
        last = msgspec.json.decode(LATEST.read_bytes(), type=Run)
    except (OSError, msgspec.MsgspecError):
        return {}
    same = last.machine == facts() and last.quick == length.quick
    return last.parts if same else {}


def wanted(names: list[str]) -> tuple[str, ...]:
    """The parts asked for, in their order; all if none is. Raises SystemExit."""
    asked = {part for name in names for part in GROUPS.get(name, (name,))}
    if unknown := asked - set(PARTS):
        known = ", ".join((*GROUPS, *PARTS))
        raise SystemExit(f"bench: no part {', '.join(unknown)}: there are {known}")
    return tuple(part for part in PARTS if part in asked) if asked else PARTS


def main() -> None:
    """Read the arguments, run, judge whether all could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="part")
    given = parser.parse_args()
    parts, length = wanted(given.parts), QUICK if given.quick else FULL
    start = time.perf_counter()
    made = run(parts, length, kept(length, parts))
    say(f"\n{judged(made.values).render()}")
    say(f"{time.perf_counter() - start:.0f} s; {LATEST.with_suffix('.md')}")
    for name in parts:
        if made.parts[name].skipped:
            say(f"skipped: {name}: {made.parts[name].skipped}")
    failed = [name for name in parts if made.parts[name].failed]
    for name in failed:
        say(f"failed: {name}: {made.parts[name].failed}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
