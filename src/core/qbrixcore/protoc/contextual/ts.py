"""Contextual Thompson sampling under the older name."""

from __future__ import annotations

from qbrixcore.policy.contextual.ts import LinTSPolicy as LinTSProtocol

__all__ = ["LinTSProtocol"]
