"""Every policy keeps the policy contract."""

from __future__ import annotations

import pytest

from qbrixcore.checks import POLICY_CHECKS
from qbrixcore.checks.case import Check
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import implementation


@pytest.mark.parametrize("check", POLICY_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", SPECS)
def test_policy(name: str, check: Check) -> None:
    check(implementation(name))
