"""The demo against a running system."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console

from qbrixcli.demo.audience import draw_visits
from qbrixcli.demo.audience import estimate_audience
from qbrixcli.demo.log import THOMPSON
from qbrixcli.demo.log import UNIFORM
from qbrixcli.demo.log import read_log
from qbrixcli.demo.part import Part
from qbrixcli.demo.part import Replay
from qbrixcli.demo.part import Visiting
from qbrixcli.demo.report import outcomes
from qbrixcli.demo.report import report_outcomes
from qbrixcli.demo.report import report_replay
from qbrixcli.demo.report import verdict
from qbrixcli.demo.resources import create_entrants
from qbrixcli.demo.traffic import connect
from qbrixcli.demo.traffic import drive
from qbrixcli.demo.view import watch
from qbrixcli.demo.wire import Connection

SEED = 20191124


class Scale(NamedTuple):
    """How much of it, for each experiment, and whether the lead must show."""

    impressions: int
    decisions: int
    must_lead: bool


FULL = Scale(impressions=10_000, decisions=50_000, must_lead=True)
FAST = Scale(impressions=1_000, decisions=5_000, must_lead=False)


async def run_demo(base_url: str, api_key: str, scale: Scale, console: Console) -> int:
    """Exit code. Raises DemoError if the system refuses or stops answering."""
    uniform_log = read_log(UNIFORM)
    log = read_log(UNIFORM, THOMPSON)
    audience = estimate_audience(log)
    visits = draw_visits(audience, scale.decisions, SEED)
    entrants = await create_entrants(base_url, api_key, log)
    replay = Replay(entrants, uniform_log, scale.impressions)
    async with connect(base_url, api_key) as connections:
        await _play(replay, connections, console)
        report_replay(replay, console)
        visiting = Visiting(entrants, visits)
        await _play(visiting, connections, console)
    found, uniform, best = outcomes(visiting, audience, visits)
    report_outcomes(found, uniform, best, console)
    return verdict(found, uniform, console) if scale.must_lead else 0


async def _play(part: Part, connections: list[Connection], console: Console) -> None:
    async with watch(part, console):
        await drive(connections, part.turns, len(part.meters), part.take)
