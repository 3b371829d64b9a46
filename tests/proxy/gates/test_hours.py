"""Schedules, hours of the day, and clocks that are put forward and back."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.proxy.gates.samples import at

from proxysvc.gates.hours import ActiveHours
from proxysvc.gates.hours import Schedule
from proxysvc.gates.hours import find_zone


def test_a_schedule_includes_its_bounds() -> None:
    start = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    end = datetime.fromisoformat("2026-01-31T12:00:00+01:00")
    schedule = Schedule(start, end)
    assert at("2025-12-31T23:59:59.999Z") not in schedule
    assert at("2026-01-01T00:00:00Z") in schedule
    assert at("2026-01-31T11:00:00Z") in schedule
    assert at("2026-01-31T11:00:00.001Z") not in schedule


def test_a_bound_may_be_missing() -> None:
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    before, after = at("1900-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z")
    assert before in Schedule(None, None) and after in Schedule(None, None)
    assert before in Schedule(None, moment) and after not in Schedule(None, moment)
    assert before not in Schedule(moment, None) and after in Schedule(moment, None)


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        (
            "09:00",
            "17:00",
            ["09:00:00", "12:00:00", "17:00:59"],
            ["08:59:59", "17:01:00", "00:00:00"],
        ),
        (
            "22:00",
            "06:00",
            ["22:00:00", "23:59:59", "00:00:00", "06:00:59"],
            ["21:59:59", "06:01:00", "12:00:00"],
        ),
        ("00:00", "23:59", ["00:00:00", "12:00:00", "23:59:59"], []),
        ("12:00", "12:00", ["12:00:00", "12:00:59"], ["11:59:59", "12:01:00"]),
    ],
)
def test_hours_include_both_minutes_and_go_over_midnight(
    start: str, end: str, inside: list[str], outside: list[str]
) -> None:
    hours = ActiveHours(start, end, find_zone("UTC"))
    for clock in inside:
        assert at(f"2026-06-15T{clock}Z") in hours, clock
    for clock in outside:
        assert at(f"2026-06-15T{clock}Z") not in hours, clock


def test_hours_are_those_of_the_zone() -> None:
    tokyo = ActiveHours("09:00", "17:00", find_zone("Asia/Tokyo"))
    assert at("2026-06-15T00:00:00Z") in tokyo
    assert at("2026-06-15T08:00:59Z") in tokyo
    assert at("2026-06-15T12:00:00Z") not in tokyo
    nepal = ActiveHours("00:00", "00:00", find_zone("Asia/Kathmandu"))
    assert at("2026-06-14T18:15:00Z") in nepal


def test_hours_follow_the_clocks_when_they_change() -> None:
    berlin = ActiveHours("08:00", "08:59", find_zone("Europe/Berlin"))
    assert at("2026-03-28T07:00:00Z") in berlin
    assert at("2026-03-30T07:00:00Z") not in berlin
    assert at("2026-03-30T06:00:00Z") in berlin
    assert at("2026-10-26T07:00:00Z") in berlin


def test_an_hour_that_is_skipped_does_not_come_and_one_that_repeats_comes_twice() -> (
    None
):
    night = ActiveHours("02:00", "02:59", find_zone("Europe/Berlin"))
    # on 29 march 2026 clocks go from 1:59 to 3:00
    for minute in range(180):
        assert at("2026-03-29T00:00:00Z") + minute * 60 not in night
    # on 25 october 2026 they go from 2:59 back to 2:00
    start = at("2026-10-25T00:00:00Z")
    inside = [minute for minute in range(240) if start + minute * 60 in night]
    assert inside == list(range(120))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Nowhere/Town",
        "Europe",
        "../etc/passwd",
        "/etc/passwd",
        "UTC\x00",
        "x" * 300,
    ],
)
def test_a_zone_must_be_one(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        find_zone(name)
