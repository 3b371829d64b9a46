"""Minimax optimal indices under their older names."""

from __future__ import annotations

from qbrixcore.policy.stochastic.moss import MOSSAnyTimePolicy as MOSSAnyTimeProtocol
from qbrixcore.policy.stochastic.moss import MOSSPolicy as MOSSProtocol

__all__ = ["MOSSProtocol", "MOSSAnyTimeProtocol"]
