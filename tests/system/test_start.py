"""Starting in other ways and at other times."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
from tests.cli.conftest import as_ordinary_user
from tests.system.running import Up
from tests.system.running import eventually

import qbrixkernels

Fresh = Callable[..., Up]


def selects(up: Up) -> bool:
    body = {"experiment_id": up.experiment, "context": {"id": "someone"}}
    with up.client() as client:
        return client.post("/agent/select", json=body).status_code == 200


def test_servers_that_run_already_are_used(fresh: Fresh) -> None:
    infra = fresh()
    with infra.infra() as variables:
        up = fresh(**variables).start()
        names = {child.name() for child in up.process.children()}
        assert not names & {"valkey-server", "postgres"}
        assert not (up.directory / "data" / "postgres").exists()
        assert selects(up)
        assert up.stop() == 0
    assert not (infra.directory / "data" / "stores.env").exists()


def test_services_run_one_by_one_beside_the_stores(fresh: Fresh) -> None:
    infra = fresh(PROXY_AUTH="off")
    with infra.infra():
        done = infra.run("migrate")
        assert done == "the database has the current schema\n"
        with ExitStack() as stack:
            for name in ("motor", "cortex", "proxy"):
                stack.enter_context(infra.dev(name))
            origin = f"http://127.0.0.1:{infra.environ['PROXY_HTTP_PORT']}"
            eventually(lambda: is_ready(origin))
            arms = {"name": "p", "arms": [{"name": "a"}, {"name": "b"}]}
            made = httpx.post(f"{origin}/api/v1/pools", json=arms, trust_env=False)
            assert made.status_code == 201, made.text


def is_ready(origin: str) -> bool:
    try:
        answer = httpx.get(f"{origin}/health/ready", trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def test_a_first_start_that_was_killed_is_completed_and_can_be_ended_at_once(
    fresh: Fresh,
) -> None:
    up = fresh()
    draft = up.directory / "data" / "credentials.draft.json"
    up.spawn("up")
    while not draft.exists():
        time.sleep(0.002)
    promised = draft.read_text()
    family = up.kill()
    assert not psutil.wait_procs(family, timeout=30)[1]
    assert not up.greeting
    up.start()
    assert up.credentials["api_key"] in promised
    assert up.credentials["password"] in up.greeting
    assert selects(up)
    assert not draft.exists()
    an_impatient_second_signal_ends_it_at_once(up)
    assert selects(up.start())


def an_impatient_second_signal_ends_it_at_once(up: Up) -> None:
    family = up.process.children(recursive=True)
    os.kill(up.process.pid, signal.SIGTERM)
    assert up.stop(signal.SIGINT) == 1
    assert not psutil.wait_procs(family, timeout=30)[1]


def installed_for_everyone(folder: Path) -> None:
    """Kernels, and what was compiled of them, as in a directory of the user's own.

    Numba reads no cache that it may not write, and would compile all of it again.
    """
    source = Path(qbrixkernels.__file__).parent
    shutil.copytree(source, folder / source.name)
    for cache in folder.rglob("__pycache__"):
        cache.chmod(0o777)


def test_an_ordinary_user_runs_all_of_it(fresh: Fresh) -> None:
    home = fresh()
    home.directory.chmod(0o777)
    inner, kernels = home.directory / "inner", home.directory / "kernels"
    up = Up(inner, HOME=str(inner), PYTHONPATH=str(kernels))
    old = os.umask(0)
    up.directory.mkdir(mode=0o777)
    os.umask(old)
    installed_for_everyone(kernels)
    up.command = as_ordinary_user(up.command)
    up.start()
    try:
        family = [up.process, *up.process.children(recursive=True)]
        assert all(member.uids().effective != 0 for member in family)
        assert selects(up)
    finally:
        assert up.stop() == 0
