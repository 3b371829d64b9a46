"""What a running system decided: exported, evaluated and learned again.

Through a killed cortex, changed parameters, a reset and a way back.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from tests.system.running import Up
from tests.system.running import eventually

from qbrixcli.embedded.errors import StartError
from qbrixcli.main import main
from qbrixcli.main import parser
from qbrixcli.replaying import run
from qbrixcli.verdict import Verdict

ROUNDS = 60
FIRST = {"context": {"id": "c0", "vector": [1.0, 0.0]}}
SHARES = {"a": 0.9, "b": 0.1}


def make(api: httpx.Client, **more: float) -> str:
    name = " ".join(("logged", *more))
    arms = [{"name": name} for name in SHARES]
    pool = api.post("/pools", json={"name": name, "arms": arms}).json()["id"]
    body = {
        **more,
        "name": name,
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
    """A command as a person runs it."""
    return subprocess.run(
        [*up.command, *arguments],
        env=up.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def called(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has everything loaded."""
    said, complaints = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in up.environ.items():
            patch.setenv(name, value)
        with redirect_stdout(said), redirect_stderr(complaints):
            code = main(arguments)
    return subprocess.CompletedProcess(
        arguments, code, said.getvalue(), complaints.getvalue()
    )


def rows(up: Up, experiment: str, file: Path, *more: str) -> list[dict[str, str]]:
    """What is exported, nothing if nothing is recorded."""
    given = ("--experiment", experiment, "--output", str(file), *more)
    if called(up, "export", *given).returncode:
        return []
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def reward(api: httpx.Client, experiment: str, count: int) -> None:
    """Selections that are rewarded."""
    for number in range(1, count + 1):
        decide(api, experiment, 3 * number + 1)


def replay(up: Up, experiment: str, *more: str) -> Verdict:
    """What the command comes to."""
    given = ["replay", "--experiment", experiment, *more]
    return asyncio.run(run(parser().parse_args(given), up.environ))


def learned(up: Up, experiment: str, rewards: int, generation: int) -> None:
    """Return once so many rewards are learned, and lead to the same bits again."""

    def equal() -> bool:
        found = replay(up, experiment)
        assert found.exit_code == 0, found.as_table()
        return (found.rewards, found.generation) == (rewards, generation)

    eventually(equal)


def served(up: Up, api: httpx.Client, experiment: str, generation: int) -> None:
    """Return once selections are of a generation."""

    def reached() -> bool:
        found = replay(up, experiment)
        if found.generation < generation:
            return False
        answer = api.post("/agent/select", json={"experiment_id": experiment, **FIRST})
        return int(answer.headers.get("x-param-version", -1)) >= found.version

    eventually(reached)


def test_decisions_are_exported_and_evaluated(
    fresh: Callable[..., Up], tmp_path: Path
) -> None:
    up = fresh(EVENT_LOG="postgres").start()
    with up.client() as api:
        experiment = make(api)
        windowed = make(api, reward_window_sec=1, default_reward=0.25)
        for number in range(4):
            decide(api, windowed, 3 * number)
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
    evaluated = called(
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

    learned(up, experiment, rewarded, 0)
    learned(up, windowed, 4, 0)
    defaults = rows(up, windowed, file)
    assert [row["reward"] for row in defaults] == 4 * ["0.25"]
    nothing = called(up, "export", "--experiment", "0" * 32)
    assert nothing.returncode == 2
    assert "no decision" in nothing.stderr


def test_files_are_written_exported_and_replayed(
    fresh: Callable[..., Up], tmp_path: Path
) -> None:
    up = fresh(EVENT_LOG="parquet", EVENT_LOG_FILE_SEC="0.3").start()
    with up.client() as api:
        experiment = make(api)
        path = f"/experiments/{experiment}"
        reward(api, experiment, 20)
        cortex = up.service("cortex")
        assert cortex is not None
        cortex.kill()
        reward(api, experiment, 20)
        learned(up, experiment, 40, 0)
        changed = {"policy_params": {"dim": 2, "v": 0.3}}
        assert api.patch(path, json=changed).status_code == 200
        reward(api, experiment, 10)
        learned(up, experiment, 50, 0)
        assert api.patch(path, json={"enabled": False}).status_code == 200
        assert api.post(f"{path}/reset").status_code == 200
        assert api.patch(path, json={"enabled": True}).status_code == 200
        served(up, api, experiment, 1)
        reward(api, experiment, 5)
        learned(up, experiment, 5, 1)
        # set aside by the reset
        kept = api.get(f"{path}/versions").json()["versions"]
        before = max(one["version"] for one in kept if one["generation"] == 0)
        assert replay(up, experiment, "--at", str(before)).rewards == 50
        back = {"version": before}
        assert api.post(f"{path}/rollback", json=back).status_code == 200
        served(up, api, experiment, 2)
        reward(api, experiment, 5)
        learned(up, experiment, 55, 2)
        divided = called(up, "shards", "migrate", "3")
        assert divided.returncode == 0, divided.stderr
        reward(api, experiment, 5)
        learned(up, experiment, 60, 2)
    exported = tmp_path / "log.parquet"
    given = ("--experiment", experiment, "--output", str(exported))
    written = command(up, "export", *given, "--format", "parquet")
    assert written.returncode == 0, written.stderr
    table = pq.read_table(exported)
    complete = rows(up, experiment, tmp_path / "log.csv")
    assert table.column_names == list(complete[0])
    assert len(complete) == table.num_rows == 65
    for name in ("token", "propensity", "reward", "arm_name"):
        assert [str(cell) for cell in table[name].to_pylist()] == [
            row[name] for row in complete
        ]
    evaluations = [
        called(up, "evaluate", str(file), "--policy", "uniform", "--json").stdout
        for file in (exported, tmp_path / "log.csv")
    ]
    assert evaluations[0] == evaluations[1] != ""

    table_of = command(up, "replay", "--experiment", experiment)
    assert "bitwise equal" in table_of.stdout
    with pytest.raises(StartError, match="no experiment"):
        replay(up, "0" * 32)
    shutil.rmtree(up.directory / "data" / "decisions" / "decision_reward")
    lacking = called(up, "replay", "--experiment", experiment, "--json")
    assert lacking.returncode == 3
    assert json.loads(lacking.stdout)["outcome"] == "incomplete"
