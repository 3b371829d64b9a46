"""The base class of policies under its older name."""

from __future__ import annotations

from qbrixcore.policy.base import BasePolicy as BaseProtocol

__all__ = ["BaseProtocol"]
