"""Policies that each choose against one clause of the policy contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from qbrixcore.policy.adversarial.exp import EXP3Policy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.contextual.ucb import LinUCBPolicy
from qbrixcore.policy.prepared import Prepared
from qbrixcore.policy.stochastic.ts import BetaTSPolicy


class ChoosesBeyondTheArms(BetaTSPolicy):
    """Counts its arms from one."""

    @classmethod
    def _select_many(cls, *args: Any) -> Chosen:
        arms, propensities = super()._select_many(*args)
        return arms + 1, propensities


class ClaimsNoChance(BetaTSPolicy):
    """Says zero where it means unknown."""

    @classmethod
    def _select_many(cls, *args: Any) -> Chosen:
        arms, propensities = super()._select_many(*args)
        return arms, np.zeros_like(propensities)


class IgnoresTheMask(EXP3Policy):
    """Chooses arms that are switched off."""

    @classmethod
    def _select_many(
        cls, hyper: Any, state: Any, contexts: Any, active: Any, *rest: Any
    ) -> Chosen:
        everything = np.ones_like(active)
        return super()._select_many(hyper, state, contexts, everything, *rest)


class SelectsAndLearns(BetaTSPolicy):
    """Counts a pull when it chooses."""

    @classmethod
    def _select_many(cls, hyper: Any, state: Any, *rest: Any) -> Chosen:
        arms, propensities = super()._select_many(hyper, state, *rest)
        np.add.at(state.pulls, arms, 1)
        return arms, propensities


class BringsItsOwnDice(BetaTSPolicy):
    """Draws from a generator of its own."""

    dice = np.random.default_rng(0)

    @classmethod
    def _select_many(cls, *args: Any) -> Chosen:
        return super()._select_many(*(*args[:-1], cls.dice))


class TakesTheFirstOfEquals(LinUCBPolicy):
    """Breaks ties by index."""

    @classmethod
    def _select_many(cls, *args: Any) -> Chosen:
        return super()._select_many(*(*args[:-1], np.random.default_rng(0)))


class SelectsUnchecked(BetaTSPolicy):
    """Takes any context and any mask."""

    @classmethod
    def select_many(cls, hyper: Any, state: Any, contexts: Any, *rest: Any) -> Chosen:
        count = len(contexts)
        return np.zeros(count, dtype=np.int64), np.full(count, np.nan)


class MisstatesItsChances(EXP3Policy):
    """Reports the uniform share as the whole."""

    @classmethod
    def _select_many(cls, *args: Any) -> Chosen:
        arms, propensities = super()._select_many(*args)
        return arms, np.full_like(propensities, 0.2)


class NeverSays(BetaTSPolicy):
    """Leaves its propensities open, even when asked."""

    @classmethod
    def _prepare(cls, *args: Any) -> None:
        return None


class PreparesForEveryArm(BetaTSPolicy):
    """Gives arms that are switched off a chance."""

    @classmethod
    def _prepare(cls, hyper: Any, state: Any, active: Any) -> Prepared:
        return super()._prepare(hyper, state, np.ones_like(active))


class PreparesAnotherRule(BetaTSPolicy):
    """Prepares choices that are even, whatever was learned."""

    @classmethod
    def _prepare(cls, hyper: Any, state: Any, active: Any) -> Prepared:
        return Prepared.to_draw_from(active.astype(np.float64))


class TellsOtherChances(BetaTSPolicy):
    """Asked without anything prepared, weighs all arms alike."""

    @classmethod
    def _chances(cls, hyper: Any, state: Any, contexts: Any, active: Any) -> Any:
        return np.tile(active / active.sum(), (len(contexts), 1))
