"""Estimators and intervals on logs whose truth is known."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from tests.core.evaluation.world import TRUTH
from tests.core.evaluation.world import draw

from qbrixcore.errors import Invalid
from qbrixcore.evaluation.estimate import Estimate
from qbrixcore.evaluation.estimate import doubly_robust
from qbrixcore.evaluation.estimate import effective_rows
from qbrixcore.evaluation.estimate import importance
from qbrixcore.evaluation.estimate import ips
from qbrixcore.evaluation.estimate import on_policy
from qbrixcore.evaluation.estimate import snips
from qbrixcore.evaluation.interval import Interval
from qbrixcore.evaluation.log import Log

LOGS = 400
ROWS = 1500
METHODS = {"ips": ips, "snips": snips, "doubly_robust": doubly_robust}
Method = Callable[..., Estimate]


@functools.cache
def estimates(method: Method, kind: str, logs: int = LOGS) -> list[Estimate]:
    interval = Interval(kind, resamples=400)
    return [method(*draw(seed, ROWS), interval) for seed in range(logs)]


def covered(found: list[Estimate]) -> float:
    return float(np.mean([one.low <= TRUTH <= one.high for one in found]))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_unbiased(method: Method) -> None:
    values = np.array([one.value for one in estimates(method, "normal")])
    error = values.std(ddof=1) / np.sqrt(LOGS)
    # the bias of a ratio is of order 1 / rows, far below the error
    assert abs(values.mean() - TRUTH) < 4 * error


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_standard_error_is_that_of_the_estimates(method: Method) -> None:
    found = estimates(method, "normal")
    spread = np.std([one.value for one in found], ddof=1)
    stated = np.sqrt(np.mean([one.stderr**2 for one in found]))
    # a standard deviation of 400 is known to 1 in √800
    assert abs(stated / spread - 1) < 4 / np.sqrt(2 * LOGS)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_normal_intervals_cover_as_often_as_they_say(method: Method) -> None:
    error = np.sqrt(0.95 * 0.05 / LOGS)
    assert abs(covered(estimates(method, "normal")) - 0.95) < 4 * error


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_bootstrap_intervals_cover_as_often_as_they_say(method: Method) -> None:
    logs = 150
    error = np.sqrt(0.95 * 0.05 / logs)
    assert abs(covered(estimates(method, "bootstrap", logs)) - 0.95) < 4 * error


def test_bernstein_intervals_never_cover_less() -> None:
    found = estimates(ips, "bernstein")
    assert covered(found) >= 0.95
    normal = estimates(ips, "normal")
    assert found[0].high - found[0].low > normal[0].high - normal[0].low


def test_a_narrower_level_is_a_narrower_interval() -> None:
    log, target = draw(1, ROWS)
    for kind in ("normal", "bootstrap", "bernstein"):
        wide = ips(log, target, Interval(kind, 0.99))
        narrow = ips(log, target, Interval(kind, 0.5))
        assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_a_model_makes_the_estimate_steadier() -> None:
    def spread(method: Method) -> float:
        return float(np.std([one.value for one in estimates(method, "normal")]))

    assert spread(doubly_robust) < 0.95 * spread(ips)
    assert spread(snips) < spread(ips)


def test_a_wrong_model_leaves_it_unbiased() -> None:
    wrong = np.random.default_rng(5).random((ROWS, 4))
    values = []
    for seed in range(200):
        log, target = draw(seed, ROWS)
        values.append(doubly_robust(log, target, expected=wrong).value)
    error = np.std(values, ddof=1) / np.sqrt(200)
    assert abs(np.mean(values) - TRUTH) < 4 * error


def test_the_logging_policy_itself_is_its_mean() -> None:
    log = Log.of([0, 1, 1], [1.0, 0.0, 3.0], [0.25, 0.75, 0.75])
    same = np.array([[0.25, 0.75]] * 3)
    for method in METHODS.values():
        one = method(log, same) if method is not doubly_robust else on_policy(log)
        assert one.value == pytest.approx(4 / 3)
    assert on_policy(log).stderr == pytest.approx(np.std([1, 0, 3], ddof=1) / 3**0.5)
    assert effective_rows(log, same) == pytest.approx(3)


def test_by_hand() -> None:
    log = Log.of([0, 1, 0], [1.0, 1.0, 0.0], [0.5, 0.25, 0.8])
    target = np.array([[0.5, 0.5], [0.5, 0.5], [0.4, 0.6]])
    np.testing.assert_allclose(importance(log, target), [1.0, 2.0, 0.5])
    assert ips(log, target).value == pytest.approx(1.0)
    assert snips(log, target).value == pytest.approx(3.0 / 3.5)
    q = np.array([[0.5, 0.5], [0.0, 1.0], [0.5, 0.0]])
    # model terms 0.5, 0.5, 0.2; corrections 1 · 0.5, 2 · 0, 0.5 · -0.5
    expected = (1.0 + 0.5 - 0.05) / 3
    assert doubly_robust(log, target, expected=q).value == pytest.approx(expected)
    assert effective_rows(log, target) == pytest.approx(3.5**2 / 5.25)


def test_what_cannot_be_estimated_is_refused() -> None:
    log = Log.of([0, 0], [1.0, 0.0], [0.5, 0.5], num_arms=2)
    never = np.array([[0.0, 1.0]] * 2)
    with pytest.raises(Invalid, match="never does"):
        snips(log, never)
    assert ips(log, never).value == 0.0
    assert effective_rows(log, never) == 0.0
    even = np.full((2, 2), 0.5)
    for method in (snips, doubly_robust):
        with pytest.raises(Invalid, match="bernstein"):
            method(log, even, Interval("bernstein"))
    for wrong in (np.full((2, 3), 1 / 3), np.full((2, 2), 0.6), [[1.5, -0.5]] * 2):
        with pytest.raises(Invalid):
            ips(log, np.array(wrong))
    with pytest.raises(Invalid):
        doubly_robust(log, even, expected=np.zeros((2, 3)))
    with pytest.raises(Invalid):
        Interval("student")
    with pytest.raises(Invalid):
        Interval(level=1.0)
    with pytest.raises(Invalid):
        Interval(resamples=10)
    with pytest.raises(Invalid, match="two rows"):
        ips(log.rows(slice(1)), even[:1])
