"""Specs of the stochastic policies, a family a module."""

from __future__ import annotations

from qbrixcore.policy.stochastic import ts_spec

SPECS = (*ts_spec.SPECS,)
