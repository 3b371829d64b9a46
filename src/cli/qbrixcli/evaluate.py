"""``qbrix evaluate``: what policies would have earned, from a log of another one."""

from __future__ import annotations

import argparse
from typing import Any

from qbrixcli.embedded.errors import StartError

INTERVALS = ("normal", "bootstrap", "bernstein")
POLICIES = """\
A policy is one of
  NAME[:PARAM=VALUE,…]  a policy of qbrix, after learning the first part of the log
  uniform               every arm alike
  arm=ARM               always the same arm
  log=OTHER.csv         as often as another log chose each arm

LOG and OTHER are files (.csv, .csv.gz or .parquet), or men_random or men_bts: the
Open Bandit logs that come with qbrix."""


def add_evaluate(commands: Any) -> None:
    """The command and its options."""
    command = commands.add_parser(
        "evaluate",
        help="estimate from a log what other policies would have earned",
        description="Off-policy estimates of the mean reward, with intervals.",
        epilog=POLICIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("log", metavar="LOG")
    add("--policy", action="append", required=True, help="may be given several times")
    add("--train", type=float, default=0.5, help="share of the log that is learned")
    add("--interval", choices=INTERVALS, default="normal")
    add("--level", type=float, default=0.95, help="confidence of the intervals")
    add("--seed", type=int, default=0)
    add("--json", action="store_true", help="one object per policy")
    columns = command.add_argument_group("columns of the log").add_argument
    columns("--arm", metavar="COLUMN", help="by default arm or item_id")
    columns("--reward", metavar="COLUMN", help="by default reward or click")
    columns("--propensity", metavar="COLUMN", default="propensity")
    columns("--context", metavar="COLUMN,…", default="", help="what policies may read")
    columns("--within", metavar="COLUMN", help="log=… counts within each of its values")


def evaluate(options: argparse.Namespace) -> int:
    """Exit code of the command. Raises StartError."""
    from qbrixcli.evaluation.run import run
    from qbrixcore.errors import QbrixError

    try:
        run(options)
    except (QbrixError, OSError) as error:
        raise StartError(str(error)) from error
    return 0
