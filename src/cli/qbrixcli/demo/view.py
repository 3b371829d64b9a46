"""The live view: progress, speed, latency, leading arms, learning lag."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console
from rich.console import Group
from rich.console import RenderableType
from rich.live import Live
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TextColumn
from rich.progress import TimeElapsedColumn
from rich.progress import TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from qbrixcli.demo.meter import Meter
from qbrixcli.demo.meter import quantiles
from qbrixcli.demo.part import Part

REFRESH_SEC = 0.25
QUIET_SEC = 10.0
LEADING = 5


@asynccontextmanager
async def watch(part: Part, console: Console) -> AsyncIterator[None]:
    """Shows a part while it runs: live on a terminal, else as a line now and then."""
    show = _show_live if console.is_terminal else _show_lines
    ended = asyncio.Event()
    task = asyncio.create_task(show(part, console, ended))
    try:
        yield
    finally:
        ended.set()
        await task


async def _show_live(part: Part, console: Console, ended: asyncio.Event) -> None:
    progress = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    task = progress.add_task(part.title, total=part.total)
    # rendering in the thread of rich keeps it out of the latencies
    with Live(console=console, refresh_per_second=1 / REFRESH_SEC) as live:
        while not await _is_set(ended, REFRESH_SEC):
            progress.update(task, completed=part.pace.count)
            live.update(picture(part, progress))
        progress.update(task, completed=part.pace.count)
        live.update(picture(part, progress), refresh=True)


async def _show_lines(part: Part, console: Console, ended: asyncio.Event) -> None:
    while not await _is_set(ended, QUIET_SEC):
        console.print(plain_line(part), soft_wrap=True)
    console.print(plain_line(part), soft_wrap=True)
    for meter in part.meters:
        console.print(arms_table(meter))


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def picture(part: Part, progress: RenderableType) -> RenderableType:
    """The whole live view at this moment."""
    tables = Columns([arms_table(meter) for meter in part.meters], padding=(0, 2))
    return Group(progress, speed_line(part), tables)


def speed_line(part: Part) -> Text:
    """Selections a second and their latency, lately."""
    latency = part.pace.latency()
    return Text(
        f"{part.pace.per_second():,.0f} selections/s,"
        f" p50 {_ms(latency.p50)}, p99 {_ms(latency.p99)}"
    )


def plain_line(part: Part) -> Text:
    """The same with how far it is, for where no bar is shown."""
    done = f"{part.title}: {part.pace.count:,} of {part.total:,} selections, "
    return Text(done).append_text(speed_line(part))


def arms_table(meter: Meter) -> Table:
    """Share and mean reward of the leading arms of one experiment."""
    lag = quantiles(meter.lag.seconds)
    table = Table(
        title=meter.label,
        title_justify="left",
        caption=f"params version {max(meter.lag.version, 0)}\n"
        f"learning lag p50 {_ms(lag.p50)}, p99 {_ms(lag.p99)}",
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for heading in ("arm", "share", "rewards", "mean reward"):
        table.add_column(heading, justify="right")
    total = max(int(meter.pulls.sum()), 1)
    for item in (-meter.pulls).argsort(kind="stable")[:LEADING].tolist():
        known = int(meter.rewarded[item])
        mean = f"{meter.rewards[item] / known:.2%}" if known else "-"
        share = f"{meter.pulls[item] / total:.1%}"
        table.add_row(f"item-{item}", share, f"{known:,}", mean)
    return table


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.1f} ms"
