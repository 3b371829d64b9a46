"""``qbrix simulate`` as a person uses it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from qbrixcli.main import main

SMALL = ["--horizon", "500", "--runs", "20"]


def simulated(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["simulate", *SMALL, *words]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["simulate", *SMALL, *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("qbrix: ")
    assert printed.err.count("\n") == 1
    return printed.err


def test_a_table_with_standard_errors(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--arms", ".9,.5", "--policy", "KLUCBPolicy", "--policy", "RandomPolicy"]
    heading, klucb, uniform = simulated(capsys, *words)
    assert heading.split()[0] == "policy"
    assert heading.endswith("regret at 500")
    name, *cells = klucb.split()
    assert name == "KLUCBPolicy"
    regret, sign, error = cells[-3:]
    assert sign == "±"
    assert 0 < float(error) < float(regret) < 30
    assert abs(float(uniform.split()[-3]) - 100) < 4 * float(uniform.split()[-1])


def test_an_object_per_policy(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--arms", ".9,.5", "--policy", "BetaTSPolicy", "--policy", "UCB", "--json"]
    first, second = map(json.loads, simulated(capsys, *words))
    assert [first["policy"], second["policy"]] == ["BetaTSPolicy", "UCB"]
    assert set(first) == {"policy", "regret", "stderr", "horizon", "runs"}
    assert (first["horizon"], first["runs"]) == (500, 20)
    assert 0 < first["stderr"] < first["regret"]


def test_the_same_seed_gives_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--arms", ".9,.5", "--policy", "BetaTSPolicy"]
    assert simulated(capsys, *words) == simulated(capsys, *words)
    assert simulated(capsys, *words) != simulated(capsys, *words, "--seed", "1")


@pytest.mark.parametrize(
    "words",
    [
        ["--problem", "gaussian", "--arms=-1,1", "--policy", "EpsilonPolicy:eps=0.2"],
        ["--problem", "categorical", "--arms", ".5/.5/0,0/.1/.9", "--policy", "UCB"],
        ["--problem", "drifting", "--arms", ".5,.5", "--policy", "EXP3Policy"],
        ["--problem", "linear", "--dim", "3", "--policy", "LinUCBPolicy:alpha=1"],
        ["--problem", "logistic", "--dim", "3", "--policy", "LinUCBPolicy"],
        ["--problem", "adversarial", "--num-arms", "3", "--policy", "FPLPolicy"],
    ],
    ids=lambda words: words[1],
)
def test_every_problem_can_be_chosen(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    traffic = ["--delay", "20", "--motors", "2", "--feedback", ".5"]
    _, row = simulated(capsys, *words, *traffic)
    assert row.split()[0] == words[-1]


def test_rewards_from_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "rewards.csv"
    path.write_text("0,1\n" * 10)
    words = ["--problem", "adversarial", "--policy", "RandomPolicy", "--rewards"]
    _, row = simulated(capsys, *words, str(path))
    assert abs(float(row.split()[-3]) - 250) < 4 * float(row.split()[-1])
    path.write_text("0,1\n0\n")
    assert "as many columns in every row" in refused(capsys, *words, str(path))
    path.write_text("0,2\n")
    assert "from 0 to 1" in refused(capsys, *words, str(path))
    assert "No such file" in refused(capsys, *words, str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--policy", "Nobody", "--arms", ".5"], "unknown policy: Nobody"),
        (["--policy", "UCB"], "needs --arms"),
        (["--policy", "UCB", "--arms", ".5,x"], "expected numbers, got '.5,x'"),
        (["--policy", "UCB:scale", "--arms", ".5"], "scale"),
        (["--policy", "UCB:scale=-1", "--arms", ".5"], "scale"),
        (["--policy", "UCB", "--arms", ".5", "--delay", "0"], "delay"),
        (["--policy", "UCB", "--arms", ".5", "--runs", "1"], "two runs"),
        (["--policy", "LinUCBPolicy", "--arms", ".5"], "reads features"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    assert why in refused(capsys, *words)


def test_a_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    words = ["--arms", ".9,.5", "--policy", "UCB", "--policy", "RandomPolicy"]
    simulated(capsys, *words, "--plot", str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000


def test_a_plot_without_matplotlib(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "matplotlib" else found(name, *rest),
    )
    words = ["--policy", "UCB", "--arms", ".5", "--plot", str(tmp_path / "x.png")]
    assert "pip install matplotlib" in refused(capsys, *words)
    assert not (tmp_path / "x.png").exists()
