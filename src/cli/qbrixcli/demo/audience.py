"""An audience whose click rates are known, because they are estimated from the log.

K items, G user groups, V users seen in the log, T visits.

A user's group is the pair of values of the two features whose click rates differ most
in the log, ``user_feature_0`` and ``user_feature_3``; pairs seen fewer than 100 times
share one group. With ``k`` clicks in ``n`` impressions of an item in a group, and the
item's own logged click rate ``p``, the rate is the posterior mean of a beta-binomial,

    (k + m p) / (n + m),    m = impressions of an average item (588),

that is, the group's own evidence shrunk towards the item's mean. The strength ``m`` is
a choice: on 115 clicks the likelihood grows with ``m`` without end, so the log does not
show that groups differ in what they like, and the audience lets them differ little.
Rates keep the logged scale of about half a per cent. Item means are taken at face
value; the best of 34 means on so few clicks flatters its item.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qbrixcli.demo.log import FEATURES
from qbrixcli.demo.log import ITEMS
from qbrixcli.demo.log import Log

GROUPED_BY = (FEATURES.index("user_feature_0"), FEATURES.index("user_feature_3"))
RARE = 100


class Audience(NamedTuple):
    """Who comes, and how often each group clicks on each item."""

    users: NDArray[np.str_]
    """(V, 4) features of the users in the log"""
    groups: NDArray[np.int64]
    """(V,) group of each user"""
    rates: NDArray[np.float64]
    """(K, G) click rate"""

    @property
    def best_item(self) -> int:
        """The one item to show if everybody had to get the same."""
        return int(self.rates[:, self.groups].mean(axis=1).argmax())


class Visits(NamedTuple):
    """A seeded sequence of visitors, the same for every experiment."""

    users: NDArray[np.str_]
    """(T, 4) features of each visitor"""
    rates: NDArray[np.float64]
    """(T, K) click rate of each visitor on each item"""
    luck: NDArray[np.float64]
    """(T,) a click happens where the rate is above it"""

    def click(self, visit: int, item: int) -> int:
        """1 if this visitor clicks on this item, else 0."""
        return int(self.luck[visit] < self.rates[visit, item])


def estimate_audience(log: Log) -> Audience:
    """The audience of the log: click rates by item and user group, shrunk."""
    groups = group_users(log.users)
    shown, clicked = count_clicks(log, groups)
    item_means = clicked.sum(axis=1) / shown.sum(axis=1)
    rates = shrink(shown, clicked, item_means, strength=len(log.items) / ITEMS)
    return Audience(users=log.users, groups=groups, rates=rates)


def group_users(users: NDArray[np.str_]) -> NDArray[np.int64]:
    """(V,) group of each user, rare pairs of values together in the last group."""
    _, pair, seen = np.unique(
        users[:, GROUPED_BY], axis=0, return_inverse=True, return_counts=True
    )
    number = np.cumsum(seen >= RARE) - 1
    return np.where(seen >= RARE, number, number.max() + 1)[pair.ravel()]


def count_clicks(
    log: Log, groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K, G) impressions and (K, G) clicks."""
    shown = np.zeros((ITEMS, int(groups.max()) + 1))
    clicked = np.zeros_like(shown)
    np.add.at(shown, (log.items, groups), 1)
    np.add.at(clicked, (log.items, groups), log.clicks)
    return shown, clicked


def shrink(
    shown: NDArray[np.float64],
    clicked: NDArray[np.float64],
    item_means: NDArray[np.float64],
    strength: float,
) -> NDArray[np.float64]:
    """(K, G) posterior mean rates; the prior of an item is worth ``strength`` views."""
    prior: NDArray[np.float64] = strength * item_means[:, None]
    return (clicked + prior) / (shown + strength)


def draw_visits(audience: Audience, count: int, seed: int) -> Visits:
    """Visitors drawn with replacement from the users of the log."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, len(audience.users), count)
    return Visits(
        users=audience.users[who],
        rates=audience.rates.T[audience.groups[who]],
        luck=rng.random(count),
    )
