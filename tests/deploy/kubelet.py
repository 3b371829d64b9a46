"""Runs containers of the chart as processes of this machine, and asks their probes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import httpx
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tests.deploy.rendered import Container

READY_SEC = 60.0
PROGRAMS = str(Path(sys.executable).parent)


class Running:
    """One container, started with its own variables and nothing else."""

    def __init__(self, container: Container, folder: Path) -> None:
        self._container = container
        self._log = folder / f"{container.pod}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                container.command,
                env={**image(folder), **container.variables},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    def ended(self) -> int:
        """Exit code of one that ends by itself."""
        return self._process.wait(READY_SEC)

    def until(self, probe: str) -> None:
        """Return as soon as a probe succeeds."""
        deadline = time.monotonic() + READY_SEC
        while not passes(self._container, self._container.spec[probe]):
            assert self._process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to stop; the exit code, within the time that it is given."""
        self._process.terminate()
        return self._process.wait(self._container.grace)

    def put_away(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def image(folder: Path) -> dict[str, str]:
    """The variables that an image brings along, as far as they matter here."""
    return {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": str(folder)}


def passes(container: Container, probe: Mapping[str, Any]) -> bool:
    """Whether a probe succeeds now."""
    if "grpc" in probe:
        return _serves(f"127.0.0.1:{container.port(probe['grpc']['port'])}")
    asked = probe["httpGet"]
    url = f"{asked['scheme'].lower()}://127.0.0.1:{container.port(asked['port'])}"
    try:
        return httpx.get(url + asked["path"], trust_env=False).is_success
    except httpx.TransportError:
        return False


def _serves(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
