"""Exponential weights under the older name."""

from __future__ import annotations

from qbrixcore.policy.adversarial.exp import EXP3Policy as EXP3Protocol

__all__ = ["EXP3Protocol"]
