"""What plans allow."""

from __future__ import annotations

import pytest

from proxysvc.accounts.plans import PlanLimits
from proxysvc.accounts.plans import Plans
from qbrixcore.errors import Invalid


def test_nothing_is_bounded_unless_it_is_configured() -> None:
    plans = Plans.parse(())
    assert plans.default == "self-hosted"
    for plan in ("self-hosted", "free", "whatever"):
        assert plans.of(plan) == PlanLimits(0, 0, 0)
    plans.check("self-hosted")
    with pytest.raises(Invalid, match="free is not configured"):
        plans.check("free")


def test_the_first_plan_is_for_new_tenants() -> None:
    plans = Plans.parse(("free:100/1/3", "enterprise:10000/0/0"))
    assert plans.default == "free"
    assert plans.of("free") == PlanLimits(100, 1, 3)
    assert plans.of("enterprise") == PlanLimits(10_000, 0, 0)
    assert plans.of("pro") == PlanLimits()
    for plan in ("free", "enterprise", "self-hosted"):
        plans.check(plan)


@pytest.mark.parametrize(
    "text", ["", "free", "free:1/2", "free:1/2/3/4", "free:-1/2/3", "gold:1/2/3"]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="wants"):
        Plans.parse((text,))


def test_a_plan_has_one_set_of_limits() -> None:
    with pytest.raises(ValueError, match="at most once"):
        Plans.parse(("pro:1/1/1", "pro:1/1/1"))
