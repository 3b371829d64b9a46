"""Thompson sampling under the older name."""

from __future__ import annotations

from qbrixcore.policy.stochastic.ts import BetaTSPolicy as BetaTSProtocol

__all__ = ["BetaTSProtocol"]
