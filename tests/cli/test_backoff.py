"""Delays before a restart."""

from __future__ import annotations

from qbrixcli.backoff import LOOP
from qbrixcli.backoff import Backoff


def test_delays_double_up_to_a_bound() -> None:
    backoff = Backoff(first_sec=0.5, longest_sec=3)
    assert [backoff.failed(0) for _ in range(5)] == [0.5, 1, 2, 3, 3]


def test_staying_up_forgets_earlier_failures() -> None:
    backoff = Backoff(first_sec=1, longest_sec=60, healthy_sec=10)
    backoff.failed(0)
    backoff.failed(9.9)
    assert backoff.failed(10) == 1


def test_a_crash_loop_is_told_once() -> None:
    backoff = Backoff()
    told = []
    for _ in range(3 * LOOP):
        backoff.failed(0)
        told.append(backoff.looping)
    assert told.index(True) == LOOP - 1
    assert told.count(True) == 1
