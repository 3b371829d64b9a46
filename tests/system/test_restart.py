"""Stopping, killing and starting again."""

from __future__ import annotations

import signal
from collections.abc import Callable

import httpx
import psutil
from tests.system.learned import learned
from tests.system.running import Up
from tests.system.running import eventually

Fresh = Callable[..., Up]
PATIENCE_SEC = 30.0


def select(client: httpx.Client, experiment: str) -> httpx.Response:
    body = {"experiment_id": experiment, "context": {"id": "someone"}}
    return client.post("/agent/select", json=body)


def reward(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/agent/feedback", json={"request_id": token, "reward": 1})


def answers(client: httpx.Client, experiment: str) -> bool:
    try:
        return select(client, experiment).status_code == 200
    except httpx.HTTPError:
        return False


def accepts(client: httpx.Client, token: str) -> bool:
    try:
        return reward(client, token).status_code == 201
    except httpx.HTTPError:
        return False


async def test_the_next_start_continues_with_everything_learned(fresh: Fresh) -> None:
    up = fresh().start()
    made, experiment = up.credentials, up.experiment
    with up.client() as client:
        tokens = [select(client, experiment).json()["request_id"] for _ in range(21)]
        for token in tokens[:20]:
            assert reward(client, token).status_code == 201
    async with learned(up, experiment) as state:
        before = await state.until(20)
    family = up.process.children(recursive=True)
    assert up.stop(signal.SIGINT) == 0
    assert not psutil.wait_procs(family, timeout=0)[1]

    up.start()
    assert made["password"] not in up.greeting
    assert made["api_key"] not in up.greeting
    assert up.credentials == made
    assert up.experiment == experiment
    with up.client() as client:
        assert int(select(client, experiment).headers["x-param-version"]) > 0
        # known before the restart, and new after it
        for token in tokens[19:]:
            assert reward(client, token).status_code == 201
    async with learned(up, experiment) as state:
        after = await state.until(21)
    assert after.sum() == 21
    assert (after >= before).all()


async def test_a_killed_supervisor_leaves_no_orphan_and_loses_nothing(
    fresh: Fresh,
) -> None:
    up = fresh(PROXY_HTTP_WORKERS="2").start()
    experiment = up.experiment
    with up.client() as client:
        token = select(client, experiment).json()["request_id"]
        assert reward(client, token).status_code == 201
    async with learned(up, experiment) as state:
        await state.until(1)
    family = up.process.children(recursive=True)
    names = [member.name() for member in family]
    assert "valkey-server" in names
    assert "postgres" in names
    workers = [member for member in family if member.ppid() != up.process.pid]
    assert any("postgres" not in member.name() for member in workers)
    up.kill()
    left = psutil.wait_procs(family, timeout=PATIENCE_SEC)[1]
    assert not [member for member in left if member.is_running()]
    up.start()
    with up.client() as client:
        assert select(client, experiment).status_code == 200
    async with learned(up, experiment) as state:
        assert (await state.pulls()).sum() == 1


async def test_whatever_is_killed_comes_back(fresh: Fresh) -> None:
    up = fresh().start()
    experiment = up.experiment
    learned_so_far = 0
    for name in ("motor", "cortex", "proxy", "valkey-server", "postgres"):
        victim = _process(up, name)
        assert victim is not None
        victim.kill()
        eventually(lambda victim=victim: not victim.is_running())
        eventually(
            lambda name=name, victim=victim: _process(up, name) not in (None, victim)
        )
        with up.client() as client:
            eventually(lambda client=client: answers(client, experiment))
            token = select(client, experiment).json()["request_id"]
            # until it is acknowledged; learned once however often it was sent
            eventually(lambda client=client, token=token: accepts(client, token))
        learned_so_far += 1
        async with learned(up, experiment) as state:
            pulls = await state.until(learned_so_far)
        assert pulls.sum() == learned_so_far
    text = up.log.read_text()
    for name in ("motor", "cortex", "proxy", "valkey", "postgres"):
        assert f"{name} ended with -9, starting it again" in text


def _process(up: Up, name: str) -> psutil.Process | None:
    if name in ("motor", "cortex", "proxy"):
        return up.service(name)
    for child in up.process.children():
        if child.name() == name:
            return child
    return None
