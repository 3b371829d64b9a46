"""Specs of the contextual policies, a family a module."""

from __future__ import annotations

from qbrixcore.policy.contextual import glm_spec
from qbrixcore.policy.contextual import ts_spec
from qbrixcore.policy.contextual import ucb_spec

SPECS = (*ts_spec.SPECS, *ucb_spec.SPECS, *glm_spec.SPECS)
