"""Problems, traffic and policies as they are written on the command line."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from qbrixcore.errors import Invalid
from qbrixcore.simulation.adversarial import Adversarial
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.contextual import Linear
from qbrixcore.simulation.contextual import Logistic
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.stochastic import Bernoulli
from qbrixcore.simulation.stochastic import Categorical
from qbrixcore.simulation.stochastic import Drifting
from qbrixcore.simulation.stochastic import Gaussian
from qbrixcore.simulation.traffic import Traffic


def given_problem(options: argparse.Namespace) -> Problem:
    """The problem the options describe. Raises Invalid, OSError."""
    kind = options.problem
    if kind == "linear":
        drawn = Linear.random(options.num_arms, options.dim, options.seed)
        return Linear(drawn.weights, options.deviation)
    if kind == "logistic":
        return Logistic.random(options.num_arms, options.dim, options.seed)
    if kind == "adversarial":
        if options.rewards is not None:
            return Adversarial(_table(options.rewards))
        return Adversarial.constrained(options.num_arms, options.horizon)
    if options.arms is None:
        raise Invalid(f"a {kind} problem needs --arms")
    if kind == "categorical":
        return Categorical([_numbers(arm, "/") for arm in options.arms.split(",")])
    means = _numbers(options.arms, ",")
    if kind == "gaussian":
        return Gaussian(means, options.deviation)
    if kind == "drifting":
        return Drifting(means, options.speed)
    return Bernoulli(means)


def given_traffic(options: argparse.Namespace) -> Traffic:
    """How selections and rewards travel. Raises Invalid."""
    return Traffic(
        delay=options.delay,
        motors=options.motors,
        feedback=options.feedback,
        told=not options.blind,
    )


def given_contestant(text: str, problem: Problem, horizon: int) -> Contestant:
    """The policy of ``Name:param=value,param=value``. Raises InvalidParams."""
    name, params = given_params(text)
    return Contestant.of(name, problem, horizon, params, label=text)


def given_params(text: str) -> tuple[str, dict[str, object]]:
    """Name and parameters of ``Name:param=value,param=value``."""
    name, _, rest = text.partition(":")
    params: dict[str, object] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        params[key.strip()] = _value(value)
    return name, params


def _value(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _numbers(text: str, mark: str) -> list[float]:
    try:
        return [float(part) for part in text.split(mark)]
    except ValueError:
        raise Invalid(f"expected numbers, got {text!r}") from None


def _table(path: Path) -> list[list[float]]:
    with path.open(newline="") as file:
        rows = [_numbers(",".join(row), ",") for row in csv.reader(file) if row]
    if len({len(row) for row in rows}) != 1:
        raise Invalid(f"{path} must have as many columns in every row")
    return rows
