"""Running one command against a system."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping

from qbrixcli.resources.errors import ClientError

INTERRUPTED = 130


def run(options: argparse.Namespace) -> int:
    """Run it; 1 means the server or network failed it, 2 that it cannot be asked so."""
    try:
        if options.prepare is not None:
            options.prepare(options)
        asyncio.run(_call(options, os.environ))
        sys.stdout.flush()
    except ClientError as error:
        print(f"qbrix: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # whoever read had enough; python flushes once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


async def _call(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    # loaded by what needs it, so that --help and mistakes answer at once
    from qbrixcli.resources.call import Call
    from qbrixcli.resources.call import Desk
    from qbrixcli.resources.connection import find_connection
    from qbrixcli.resources.output import Output
    from qbrixcli.resources.profiles import ProfileFile

    file = ProfileFile.of(environ)
    out = Output(sys.stdout, options.json, options.quiet)
    if options.local:
        await options.run(Desk(options, environ, file, out))
        return
    from qbrixcli.resources.client import Api

    connection = find_connection(options.profile, environ, file)
    async with Api(connection, file) as api:
        await options.run(Call(options, api, out))
