"""A real ``qbrix up`` on free ports, in a directory of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from tests.trust import TRUST

from qbrixcli.embedded.ports import free_ports
from qbrixcli.hints import LAST
from qbrixcli.topology import PORTS
from qbrixserving.settings import read_settings
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.config import RedisSettings

OURS = ("PROXY_", "MOTOR_", "CORTEX_", "QBRIX_", "LOG_")
READY_SEC = 90.0
STOP_SEC = 30.0
PATIENCE_SEC = 60.0


class Up:
    """One system, started and stopped as a person would."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.directory = directory
        self.command = [sys.executable, "-m", "qbrixcli"]
        self.log = directory / "stderr.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        self.environ = {
            **inherited,
            **dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)),
            "QBRIX_DATA_DIR": str(directory / "data"),
            "PYTHONDONTWRITEBYTECODE": "",
            **variables,
        }
        self.greeting = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> psutil.Process:
        """The supervisor."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def start(self, *options: str, **variables: str) -> Up:
        """Start, and return when it said that it is ready."""
        self.spawn("up", *options, **variables)
        self._wait_until_ready()
        return self

    def spawn(
        self, command: str, *options: str, **variables: str
    ) -> subprocess.Popen[str]:
        """Start a command, and wait for nothing."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*self.command, command, *options],
                env={**self.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # a terminal signals the whole foreground group, and only that
                process_group=0,
            )
        return self._process

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        # whoever waits for a line would wait forever for a program that is stuck
        watchdog = threading.Timer(READY_SEC, self._process.kill)
        watchdog.start()
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if line.strip() == LAST:
                break
        watchdog.cancel()
        self.greeting = "".join(said)
        if LAST not in self.greeting:
            self._ended()
            raise AssertionError(f"it did not get ready:\n{self.log.read_text()}")

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, as a terminal does; its exit code."""
        assert self._process is not None
        os.killpg(self._process.pid, sign)
        return self._ended()

    def _ended(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        code = self._process.wait(STOP_SEC)
        self._process.stdout.close()
        return code

    def kill(self) -> list[psutil.Process]:
        """SIGKILL, and everything that it had started."""
        assert self._process is not None
        family = self.process.children(recursive=True)
        self._process.kill()
        self._ended()
        return family

    @contextmanager
    def infra(self) -> Iterator[dict[str, str]]:
        """Only the stores, as ``qbrix infra`` runs and prints them."""
        process = self.spawn("infra")
        assert process.stdout is not None
        variables: dict[str, str] = {}
        for line in process.stdout:
            name, _, value = line.strip().partition("=")
            variables[name] = value
            if name == "CORTEX_POSTGRES_SSLMODE":
                break
        try:
            yield variables
        finally:
            assert self.stop() == 0

    def run(self, command: str) -> str:
        """What a command printed that ends by itself."""
        return subprocess.run(
            [*self.command, command],
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            timeout=READY_SEC,
            check=True,
        ).stdout

    @contextmanager
    def dev(self, service: str) -> Iterator[None]:
        """One service, as ``qbrix dev`` runs it."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [*self.command, "dev", service],
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(STOP_SEC) == 0

    def put_away(self) -> None:
        """Stop it if it runs, and remove its directory."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.directory)

    def service(self, name: str) -> psutil.Process | None:
        """The process of one service, None while there is none."""
        return next(iter(self.services(name)), None)

    def services(self, name: str) -> list[psutil.Process]:
        """All processes of one service."""
        found = []
        for child in self.process.children():
            try:
                if f"{name}svc" in child.cmdline():
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    @property
    def credentials(self) -> dict[str, str]:
        """What the first start wrote down."""
        text = (self.directory / "data" / "credentials.json").read_text()
        return dict(json.loads(text))

    @property
    def secrets(self) -> dict[str, str]:
        """What no client should ever see."""
        return dict(json.loads((self.directory / "data" / "secrets.json").read_text()))

    @property
    def experiment(self) -> str:
        """Id of the quickstart, as the printed line has it."""
        found = re.search(r'"experiment_id": "([^"]+)"', self.greeting)
        assert found is not None
        return found.group(1)

    def client(self, api_key: str | None = None) -> httpx.Client:
        """A client of the REST API."""
        made = self.credentials
        return httpx.Client(
            base_url=f"{made['http_url']}/api/v1",
            headers={"X-API-Key": api_key or made["api_key"]},
            timeout=10,
            trust_env=False,
            verify=TRUST,
        )

    @property
    def _stores(self) -> dict[str, str]:
        text = (self.directory / "data" / "stores.env").read_text()
        made = dict(line.split("=", 1) for line in text.splitlines())
        # a store that ran already is where the environment says
        return {**self.environ, **made}

    @property
    def redis(self) -> RedisSettings:
        """How to reach the embedded Redis."""
        return read_settings(RedisSettings, "PROXY_REDIS_", self._stores)

    @property
    def postgres(self) -> PostgresSettings:
        """How to reach the embedded Postgres."""
        return read_settings(PostgresSettings, "PROXY_POSTGRES_", self._stores)


def scratch() -> Path:
    """A directory that every account may enter."""
    directory = Path(tempfile.mkdtemp(prefix="qbrix-system-"))
    directory.chmod(0o711)
    return directory


def eventually(done: Callable[[], object]) -> None:
    """Return as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_SEC
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
