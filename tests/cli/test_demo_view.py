"""The live view shows what was measured, and its failures are not lost."""

from __future__ import annotations

import io
from collections import deque

import pytest
from rich.console import Console

from qbrixcli.demo import view
from qbrixcli.demo.calls import Selected
from qbrixcli.demo.log import UNIFORM
from qbrixcli.demo.log import read_log
from qbrixcli.demo.meter import Lag
from qbrixcli.demo.meter import Pace
from qbrixcli.demo.meter import quantiles
from qbrixcli.demo.part import Replay
from qbrixcli.demo.resources import Entrant

ENTRANTS = [Entrant("BetaTS", "e1"), Entrant("LinUCB", "e2")]


@pytest.fixture
def part() -> Replay:
    """Of 200 selects item 7 has 150 and item 9 has 50; one in four of 7 clicks."""
    part = Replay(ENTRANTS, read_log(UNIFORM), 500)
    for turn in range(200):
        choice = Selected(9 if turn % 4 == 3 else 7, "t", turn // 50, 0.002)
        part.pace.add(choice.seconds)
        part.meters[0].selected(choice)
        part.meters[0].learned(choice.item, int(turn % 4 == 0))
    return part


def _text(part: Replay, terminal: bool = False) -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    return out, Console(file=out, width=80, force_terminal=terminal)


def test_the_leading_arms_have_share_and_mean_reward(part: Replay) -> None:
    out, console = _text(part)
    console.print(view.picture(part, "progress"))
    lines = out.getvalue().splitlines()
    seven = next(line for line in lines if "item-7" in line)
    nine = next(line for line in lines if "item-9" in line)
    assert "75.0%" in seven and "150" in seven and "33.33%" in seven
    assert "25.0%" in nine and "0.00%" in nine
    assert lines.index(seven) < lines.index(nine)
    assert "selections/s, p50 2.0 ms, p99 2.0 ms" in out.getvalue()
    assert "params version 3" in out.getvalue()
    assert "learning lag p50" in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_part_is_shown_to_its_end(part: Replay, terminal: bool) -> None:
    out, console = _text(part, terminal)
    async with view.watch(part, console):
        pass
    assert "item-7" in out.getvalue()
    assert ("200/1000" if terminal else "200 of 1,000") in out.getvalue()


async def test_a_broken_view_is_not_silent(
    part: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "picture", lambda *_: 1 / 0)
    _, console = _text(part, terminal=True)
    with pytest.raises(ZeroDivisionError):
        async with view.watch(part, console):
            pass


def test_lag_ends_with_params_newer_than_any_seen_at_the_feedback() -> None:
    lag = Lag()
    lag.saw(4)
    lag.accepted()
    lag.saw(3)
    lag.saw(4)
    assert not lag.seconds
    lag.accepted()
    lag.saw(5)
    lag.saw(6)
    assert len(lag.seconds) == 1 and lag.version == 6


def test_quantiles_and_pace() -> None:
    p50, p99 = quantiles(deque(i / 1000 for i in range(101)))
    assert (p50, p99) == (pytest.approx(0.05), pytest.approx(0.099))
    pace = Pace()
    assert pace.per_second() == 0
    assert pace.latency().p50 != pace.latency().p50
