"""What each plan allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final
from typing import Self

import msgspec

from qbrixcore.errors import Invalid
from qbrixstore.postgres.access import DEFAULT_PLAN
from qbrixstore.postgres.access import PLANS

_FORM: Final = re.compile(r"(?P<plan>[a-z-]+):(?P<limits>\d{1,9}/\d{1,9}/\d{1,9})")
WANTED: Final = "plan:requests a minute/keys/experiments, as in free:100/1/3"


class PlanLimits(msgspec.Struct, frozen=True):
    """Bounds of a tenant; 0 is no bound.

    Requests are counted for each key and each user; keys that work and experiments that
    are enabled are counted for the whole tenant.
    """

    requests_per_minute: int = 0
    api_keys: int = 0
    experiments: int = 0


UNLIMITED: Final = PlanLimits()


class Plans:
    """The configured plans; the first is that of new tenants."""

    def __init__(self, limits: Mapping[str, PlanLimits]) -> None:
        self._limits = {DEFAULT_PLAN: UNLIMITED, **limits}
        self.default = next(iter(limits), DEFAULT_PLAN)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """From texts such as ``free:100/1/3``. Raises ValueError."""
        limits: dict[str, PlanLimits] = {}
        for text in texts:
            found = _FORM.fullmatch(text)
            if found is None:
                raise ValueError(f"got {text!r}, wants {WANTED}")
            plan = found["plan"]
            if plan not in PLANS or plan in limits:
                known = ", ".join(PLANS)
                raise ValueError(f"got {plan!r}, wants each of {known} at most once")
            limits[plan] = PlanLimits(*map(int, found["limits"].split("/")))
        return cls(limits)

    def of(self, plan: str) -> PlanLimits:
        """What a plan allows; one that is not configured bounds nothing."""
        return self._limits.get(plan, UNLIMITED)

    def check(self, plan: str) -> None:
        """Raises Invalid for a plan that a tenant here cannot get."""
        if plan not in self._limits:
            known = sorted(self._limits)
            raise Invalid(f"the plan {plan} is not configured here", known=known)
