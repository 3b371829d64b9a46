"""``qbrix operator``: what is above all tenants."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

NAME = "operator key"
PLANS = ("self-hosted", "free", "pro", "enterprise")


def add_operator(commands: Any) -> None:
    """The command and its options."""
    top = commands.add_parser(
        "operator", help="credentials and plans above all tenants"
    )
    inner = top.add_subparsers(dest="what", required=True, metavar="what")
    create = inner.add_parser("create", help="make an operator and show its key, once")
    create.add_argument("--name", default=NAME, help="a name for the key")
    inner.add_parser("list", help="list the keys of operators")
    revoke = inner.add_parser("revoke", help="end the key of an operator")
    revoke.add_argument("key", help="id of the key, as list shows it")
    admin = inner.add_parser("admin", help="make a tenant and its admin, once")
    admin.add_argument("email", help="address of the admin")
    admin.add_argument("--plan", choices=PLANS, default=PLANS[0], help="of the tenant")
    plan = inner.add_parser("plan", help="put a tenant on a plan")
    plan.add_argument("email", help="address of any user of the tenant")
    plan.add_argument("plan", choices=PLANS)


def operate(options: argparse.Namespace) -> int:
    """Run the command. Raises StartError."""
    from qbrixcli import operate as work

    run = {
        "create": work.create,
        "list": work.show,
        "revoke": work.revoke,
        "admin": work.admit,
        "plan": work.set_plan,
    }[options.what]
    print(asyncio.run(work.with_postgres(run, options, os.environ)))
    return 0
