"""The audience is estimated from the log as its documentation says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from qbrixcli.demo.audience import RARE
from qbrixcli.demo.audience import count_clicks
from qbrixcli.demo.audience import draw_visits
from qbrixcli.demo.audience import estimate_audience
from qbrixcli.demo.audience import group_users
from qbrixcli.demo.audience import shrink
from qbrixcli.demo.log import ITEMS
from qbrixcli.demo.log import THOMPSON
from qbrixcli.demo.log import UNIFORM
from qbrixcli.demo.log import Log
from qbrixcli.demo.log import read_log


@pytest.fixture(scope="module")
def log() -> Log:
    return read_log(UNIFORM, THOMPSON)


def test_the_packaged_log_is_the_published_one(log: Log) -> None:
    uniform = read_log(UNIFORM)
    assert len(uniform.items) == 10_000 and uniform.clicks.sum() == 46
    assert len(log.items) == 20_000 and log.clicks.sum() == 46 + 69
    assert set(log.items.tolist()) == set(range(ITEMS))
    assert log.users.shape == (20_000, 4)


def test_groups_are_pairs_of_values_and_rare_pairs_share_the_last(log: Log) -> None:
    groups = group_users(log.users)
    pairs = np.char.add(log.users[:, 0], log.users[:, 3])
    last = groups.max()
    for group in range(last):
        assert len(set(pairs[groups == group])) == 1
        assert (groups == group).sum() >= RARE
    rare = pairs[groups == last]
    assert all((pairs == pair).sum() < RARE for pair in set(rare))


def test_shrinking_by_hand() -> None:
    shown = np.array([[100.0, 0.0], [50.0, 50.0]])
    clicked = np.array([[2.0, 0.0], [0.0, 0.0]])
    rates = shrink(shown, clicked, np.array([0.01, 0.002]), strength=100.0)
    by_hand = [[3 / 200, 0.01], [0.2 / 150, 0.2 / 150]]
    np.testing.assert_allclose(rates, by_hand, rtol=1e-12)


def test_rates_stay_between_the_logged_ones(log: Log) -> None:
    audience = estimate_audience(log)
    shown, clicked = count_clicks(log, audience.groups)
    means = (clicked.sum(axis=1) / shown.sum(axis=1))[:, None]
    cell = np.divide(
        clicked, shown, out=np.broadcast_to(means, shown.shape).copy(), where=shown > 0
    )
    assert (audience.rates >= np.minimum(cell, means) - 1e-15).all()
    assert (audience.rates <= np.maximum(cell, means) + 1e-15).all()
    # nothing is enlarged: uniform choice meets the click rate of an average item
    visits = audience.rates[:, audience.groups].mean()
    assert visits == pytest.approx(means.mean(), rel=0.05)


def test_the_log_shows_no_more_user_structure_than_the_audience_has(log: Log) -> None:
    groups = group_users(log.users)
    shown, clicked = count_clicks(log, groups)
    strengths = np.geomspace(10, 1e6, 26)
    fits = [_likelihood(shown, clicked, strength) for strength in strengths]
    assert (np.diff(fits) > 0).all()


def _likelihood(
    shown: NDArray[np.float64], clicked: NDArray[np.float64], strength: float
) -> float:
    means = clicked.sum(axis=1) / shown.sum(axis=1)
    total = 0.0
    for item in np.flatnonzero(means):
        a, b = strength * means[item], strength * (1 - means[item])
        for n, k in zip(shown[item], clicked[item], strict=True):
            total += (
                math.lgamma(k + a) + math.lgamma(n - k + b) - math.lgamma(n + a + b)
            )
            total -= math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return total


def test_visits_repeat_with_their_seed(log: Log) -> None:
    audience = estimate_audience(log)
    first, again = (draw_visits(audience, 500, seed=3) for _ in range(2))
    other = draw_visits(audience, 500, seed=4)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.luck, other.luck)


def test_clicks_come_at_the_rate_of_visitor_and_item(log: Log) -> None:
    audience = estimate_audience(log)
    visits = draw_visits(audience, 40_000, seed=1)
    best = audience.best_item
    clicks = sum(visits.click(visit, best) for visit in range(40_000))
    expected = visits.rates[:, best].sum()
    assert abs(clicks - expected) < 4 * math.sqrt(expected)
    assert expected / 40_000 == pytest.approx(
        audience.rates[best, audience.groups].mean(), rel=0.01
    )
