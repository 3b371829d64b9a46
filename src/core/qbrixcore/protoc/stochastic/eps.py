"""Greedy choice with exploration under its older name."""

from __future__ import annotations

from qbrixcore.policy.stochastic.eps import EpsilonPolicy as EpsilonProtocol

__all__ = ["EpsilonProtocol"]
