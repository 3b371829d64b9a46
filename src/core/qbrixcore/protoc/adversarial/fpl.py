"""The perturbed leader under its older name."""

from __future__ import annotations

from qbrixcore.policy.adversarial.fpl import FPLPolicy as FPLProtocol

__all__ = ["FPLProtocol"]
