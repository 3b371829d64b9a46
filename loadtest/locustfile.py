"""What locust runs: every kind of user, in the shape that was asked for."""

from __future__ import annotations

import os

from loadtest.rest import BatchUser
from loadtest.rest import ContextualUser
from loadtest.rest import GatedUser
from loadtest.rest import Owner
from loadtest.rest import PlainUser
from loadtest.rest import Stranger
from loadtest.stages import users_at
from loadtest.wire import GrpcUser
from locust import LoadTestShape

__all__ = [
    "BatchUser",
    "ContextualUser",
    "GatedUser",
    "GrpcUser",
    "Owner",
    "PlainUser",
    "Stages",
    "Stranger",
]

SHAPE = os.environ["LOADTEST_SHAPE"]
SECONDS = float(os.environ["LOADTEST_SECONDS"])
USERS = int(os.environ["LOADTEST_USERS"])
ARRIVALS = 100.0  # users that come or go in a second


class Stages(LoadTestShape):
    """The stages of the shape."""

    def tick(self) -> tuple[int, float] | None:
        """Users that there should be now, and how fast they come; None at the end."""
        users = users_at(SHAPE, self.get_run_time(), SECONDS, USERS)
        return None if users is None else (users, ARRIVALS)
