"""Starts cortex: ``python -m cortexsvc``."""

from __future__ import annotations

import asyncio
import os

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from qbrixserving.processes import run
from qbrixserving.settings import read_settings


async def main(stop: asyncio.Event) -> None:
    """Run until told to stop."""
    settings = read_settings(CortexSettings, "CORTEX_", os.environ)
    async with cortex(settings):
        await stop.wait()


if __name__ == "__main__":
    run(main, "cortexsvc")
