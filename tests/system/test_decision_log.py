"""What a running system decided, exported and evaluated, through a killed cortex."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
from tests.system.running import Up
from tests.system.running import eventually

ROUNDS = 60
SHARES = {"a": 0.9, "b": 0.1}


def make(api: httpx.Client) -> str:
    arms = [{"name": name} for name in SHARES]
    pool = api.post("/pools", json={"name": "logged", "arms": arms}).json()["id"]
    body = {
        "name": "logged",
        "pool_id": pool,
        "policy": "LinTSPolicy",
        "policy_params": {"dim": 2},
    }
    return str(api.post("/experiments", json=body).json()["id"])


def decide(api: httpx.Client, experiment: str, number: int) -> str | None:
    """A selection, of which two in three are rewarded; the token of one that is."""
    context = {"id": f"c{number}", "vector": [1.0, number / ROUNDS]}
    body = {"experiment_id": experiment, "context": context}
    answer = api.post("/agent/select", json=body)
    assert answer.status_code == 200, answer.text
    if number % 3 == 0:
        return None
    token = str(answer.json()["request_id"])
    reward = float(number / ROUNDS < SHARES[answer.json()["arm"]["name"]])
    given = {"request_id": token, "reward": reward}
    for _ in range(2):
        assert api.post("/agent/feedback", json=given).status_code == 201
    return token


def command(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*up.command, *arguments],
        env=up.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def rows(up: Up, experiment: str, file: Path, *more: str) -> list[dict[str, str]]:
    """What is exported, nothing if nothing is recorded."""
    given = ("--experiment", experiment, "--output", str(file), *more)
    if command(up, "export", *given).returncode:
        return []
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_decisions_are_exported_and_evaluated(
    fresh: Callable[..., Up], tmp_path: Path
) -> None:
    up = fresh(EVENT_LOG="postgres").start()
    with up.client() as api:
        experiment = make(api)
        tokens = [decide(api, experiment, number) for number in range(ROUNDS // 2)]
        cortex = up.service("cortex")
        assert cortex is not None
        cortex.kill()
        for number in range(ROUNDS // 2, ROUNDS):
            tokens.append(decide(api, experiment, number))
    rewarded = len([token for token in tokens if token is not None])
    file = tmp_path / "log.csv"
    everything: list[dict[str, str]] = []

    def recorded() -> bool:
        everything[:] = rows(up, experiment, file, "--all")
        rewards = [row for row in everything if row["reward"]]
        return len(rewards) == rewarded and len(everything) == ROUNDS

    eventually(recorded)
    assert [row["context_id"] for row in everything] == [f"c{n}" for n in range(ROUNDS)]
    assert {row["arm_name"] for row in everything} <= set(SHARES)
    for number, row in enumerate(everything):
        assert 0 < float(row["propensity"]) <= 1
        assert abs(float(row["x1"]) - number / ROUNDS) < 1e-6
        assert int(row["param_version"]) >= 0
    complete = rows(up, experiment, file)
    assert len(complete) == rewarded
    evaluated = command(
        up,
        *("evaluate", str(file), "--policy", "uniform", "--json"),
        *("--policy", f"arm={complete[0]['arm']}"),
    )
    assert evaluated.returncode == 0, evaluated.stderr
    logged, uniform, _ = map(json.loads, evaluated.stdout.splitlines())
    mean = sum(float(row["reward"]) for row in complete) / rewarded
    assert abs(logged["mean"]["value"] - mean) < 1e-9
    assert uniform["rows"] == rewarded
    assert 0 < uniform["effective_rows"] <= rewarded

    nothing = command(up, "export", "--experiment", "0" * 32)
    assert nothing.returncode == 2
    assert "no decision" in nothing.stderr
