"""Upper confidence bounds under their older names."""

from __future__ import annotations

from qbrixcore.policy.stochastic.ucb import KLUCBPlusPolicy as KLUCBPlusProtocol
from qbrixcore.policy.stochastic.ucb import KLUCBPolicy as KLUCBProtocol
from qbrixcore.policy.stochastic.ucb import UCB1TunedPolicy as UCB1TunedProtocol

__all__ = ["KLUCBProtocol", "KLUCBPlusProtocol", "UCB1TunedProtocol"]
