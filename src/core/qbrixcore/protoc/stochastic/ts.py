"""Thompson sampling under the older name."""

from __future__ import annotations

from qbrixcore.policy.stochastic.ts import BetaTSPolicy as BetaTSProtocol
from qbrixcore.policy.stochastic.ts import GaussianTSPolicy as GaussianTSProtocol

__all__ = ["BetaTSProtocol", "GaussianTSProtocol"]
