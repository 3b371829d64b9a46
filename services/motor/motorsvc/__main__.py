"""Start a motor: ``python -m motorsvc``."""

from __future__ import annotations

import asyncio
import os

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from qbrixserving.processes import run
from qbrixserving.settings import read_settings


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    settings = read_settings(MotorSettings, "MOTOR_", os.environ)
    async with motor(settings):
        await stop.wait()


if __name__ == "__main__":
    run(main, "motorsvc")
