"""``qbrix simulate``: policies against a problem whose best arm is known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qbrixcli.embedded.errors import StartError

PROBLEMS = (
    "bernoulli",
    "gaussian",
    "categorical",
    "drifting",
    "linear",
    "logistic",
    "adversarial",
)
INTERRUPTED = 130


def add_simulate(commands: Any) -> None:
    """The command and its options."""
    command = commands.add_parser(
        "simulate",
        help="compare policies on a simulated problem",
        description="Cumulative pseudo-regret of policies, with standard errors.",
    )
    add = command.add_argument
    add(
        "--policy",
        action="append",
        required=True,
        metavar="NAME[:PARAM=VALUE,…]",
        help="may be given several times; UCB is the plain bound √(log t / 2N)",
    )
    add("--arms", metavar="M,M,…", help="mean of each arm; categorical: P/P/… of each")
    add("--horizon", type=int, default=10_000, help="steps of a run")
    add("--runs", type=int, default=200, help="runs of each policy")
    add("--seed", type=int, default=0)
    add("--problem", choices=PROBLEMS, default="bernoulli")
    _add_problem(command.add_argument_group("problem"))
    _add_traffic(command.add_argument_group("traffic"))
    output = command.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="one object per policy")
    output.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the curves")


def _add_problem(group: Any) -> None:
    add = group.add_argument
    add("--num-arms", type=int, default=10, help="unless --arms says it")
    add("--dim", type=int, default=8, help="features of a linear or logistic problem")
    add("--deviation", type=float, default=1.0, help="of gaussian or linear rewards")
    add("--speed", type=float, default=0.01, help="deviation of a step of drift")
    add(
        "--rewards",
        type=Path,
        metavar="FILE.csv",
        help="adversarial: a row a step, a column an arm; without it, moving levels",
    )


def _add_traffic(group: Any) -> None:
    add = group.add_argument
    add("--delay", type=int, default=1, help="selections between two refreshes")
    add("--motors", type=int, default=1, help="selectors that share the traffic")
    add("--feedback", type=float, default=1.0, help="share of rewards heard")
    add(
        "--blind",
        action="store_true",
        help="do not tell policies which choices are in flight",
    )


def simulate(options: argparse.Namespace) -> int:
    """Exit code of the command. Raises StartError."""
    from qbrixcli.simulation.run import run
    from qbrixcore.errors import QbrixError

    try:
        run(options)
    except (QbrixError, OSError) as error:
        raise StartError(str(error)) from error
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
