"""The packaged Open Bandit log: real impressions under two policies."""

from __future__ import annotations

import csv
import gzip
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ITEMS = 34
FEATURES = ("user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3")
UNIFORM = "men_random"
THOMPSON = "men_bts"


class Log(NamedTuple):
    """N impressions in the order they happened."""

    items: NDArray[np.int64]
    """(N,) item shown, 0 to 33"""
    clicks: NDArray[np.int64]
    """(N,) 1 where it was clicked"""
    users: NDArray[np.str_]
    """(N, 4) categories of the user, in the order of ``FEATURES``"""


def read_log(*names: str) -> Log:
    """Impressions of the named logs, one after the other."""
    rows = [row for name in names for row in _rows(name)]
    return Log(
        items=np.array([int(row["item_id"]) for row in rows], dtype=np.int64),
        clicks=np.array([int(row["click"]) for row in rows], dtype=np.int64),
        users=np.array([[row[name] for name in FEATURES] for row in rows], dtype=str),
    )


def _rows(name: str) -> list[dict[str, str]]:
    packed = resources.files("qbrixcli.demo") / "data" / f"{name}.csv.gz"
    text = gzip.decompress(packed.read_bytes()).decode()
    return list(csv.DictReader(text.splitlines()))
