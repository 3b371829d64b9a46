"""Upper confidence bounds under the older name."""

from __future__ import annotations

from qbrixcore.policy.contextual.ucb import LinUCBPolicy as LinUCBProtocol

__all__ = ["LinUCBProtocol"]
