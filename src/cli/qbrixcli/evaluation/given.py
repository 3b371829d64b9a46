"""The log and the target policies as they are written on the command line."""

from __future__ import annotations

import argparse

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcli.evaluation.table import Table
from qbrixcli.simulation.given import given_params
from qbrixcore.errors import Invalid
from qbrixcore.evaluation import target
from qbrixcore.evaluation.log import Log
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.simulation.contestant import completed

Reals = NDArray[np.float64]


class Given(msgspec.Struct, frozen=True):
    """A log with the names of its arms, and the group of each row."""

    log: Log
    names: list[str]
    groups: NDArray[np.str_]

    @classmethod
    def read(cls, name: str, options: argparse.Namespace) -> Given:
        """The log in a file. Raises Invalid, OSError."""
        table = Table.read(name)
        names, arms = _numbered(_arms(table, options))
        log = Log.of(
            arms,
            table.numbers(*_first(options.reward, "reward", "click")),
            table.numbers(options.propensity),
            table.contexts(list(filter(None, options.context.split(",")))),
            num_arms=len(names),
        )
        return cls(log, names, _groups(table, options))

    def rows(self, which: slice) -> Given:
        """Some of the rows."""
        return Given(self.log.rows(which), self.names, self.groups[which])


def learns(text: str) -> bool:
    """Whether this target has to learn something first."""
    return text != "uniform" and not text.startswith(("arm=", "log="))


def given_target(
    text: str, past: Given, given: Given, options: argparse.Namespace
) -> Reals:
    """The probabilities (N, K) of a target. Raises Invalid, OSError."""
    kind, _, rest = text.partition("=")
    if text == "uniform":
        return target.uniform(given.log)
    if kind == "arm":
        if rest not in given.names:
            raise Invalid(f"the log has no arm {rest}")
        return target.always(given.log, given.names.index(rest))
    if kind == "log":
        return _as_often(rest, given, options)
    name, params = given_params(text)
    spec = find_spec(name)
    dim, kind = past.log.contexts.shape[1], past.log.reward_type
    hyper = completed(spec, params, len(past.log), dim, kind)
    policy = implementation(spec)
    return target.learned(policy, hyper, past.log, given.log, options.seed)


def _as_often(name: str, given: Given, options: argparse.Namespace) -> Reals:
    other = Table.read(name)
    number = {known: arm for arm, known in enumerate(given.names)}
    chosen = _arms(other, options)
    unknown = set(chosen.tolist()) - number.keys()
    if unknown:
        raise Invalid(f"{name} chose {min(unknown)}, which the log never did")
    arms = np.array([number[arm] for arm in chosen.tolist()], dtype=np.int64)
    there = _groups(other, options)
    return target.frequencies(given.log, arms, given.groups, there)


def _arms(table: Table, options: argparse.Namespace) -> NDArray[np.str_]:
    return table.text(*_first(options.arm, "arm", "item_id"))


def _groups(table: Table, options: argparse.Namespace) -> NDArray[np.str_]:
    arms = _arms(table, options)
    return table.text(options.within) if options.within else np.full(arms.size, "all")


def _first(given: str | None, *usual: str) -> tuple[str, ...]:
    return (given,) if given else usual


def _numbered(arms: NDArray[np.str_]) -> tuple[list[str], NDArray[np.int64]]:
    names, numbers = np.unique(arms, return_inverse=True)
    return names.tolist(), numbers.astype(np.int64)
