"""``qbrix evaluate`` as a person uses it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qbrixcli.evaluation.table import Table
from qbrixcli.main import main

USERS = "user_feature_0,user_feature_1,user_feature_2,user_feature_3"


def evaluated(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["evaluate", *words]) == 0
    return capsys.readouterr().out.splitlines()


def objects(
    capsys: pytest.CaptureFixture[str], *words: str
) -> dict[str, dict[str, Any]]:
    found = map(json.loads, evaluated(capsys, *words, "--json"))
    return {one["policy"]: one for one in found}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["evaluate", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("qbrix: ")
    assert printed.err.count("\n") == 1
    return printed.err


def write(path: Path, rows: int = 400, seed: int = 1) -> Path:
    """Red pays .7 on phones, blue .7 elsewhere, both .2 otherwise; red is shown 2/3."""
    rng = np.random.default_rng(seed)
    phone = rng.random(rows) < 0.5
    red = rng.random(rows) < 2 / 3
    paid = rng.random(rows) < np.where(red == phone, 0.7, 0.2)
    columns = zip(phone, rng.integers(18, 80, rows), red, paid, strict=True)
    lines = ["device,age,arm,reward,propensity"]
    for on_phone, age, chose_red, reward in columns:
        device, arm = "phone" if on_phone else "desk", "red" if chose_red else "blue"
        chance = 2 / 3 if chose_red else 1 / 3
        lines.append(f"{device},{age},{arm},{int(reward)},{chance}")
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_the_open_bandit_logs_agree_with_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--policy", "log=men_bts", "--within", "position"]
    shown = objects(capsys, "men_random", *words)["log=men_bts"]
    real = objects(capsys, "men_bts", "--policy", "uniform")
    truth, error = real["as logged"]["mean"]["value"], 0.00083
    assert truth == pytest.approx(0.0069)
    for method in ("ips", "snips", "doubly_robust"):
        one = shown[method]
        assert one["low"] < truth < one["high"]
        assert abs(one["value"] - truth) < 2 * np.hypot(one["stderr"], error)
    uniform = objects(capsys, "men_random", "--policy", "uniform")
    assert uniform["uniform"]["ips"] == pytest.approx(uniform["as logged"]["mean"])
    assert 1000 < shown["effective_rows"] < shown["rows"] == 10_000


def test_a_table_with_intervals(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(write(tmp_path / "log.csv"))
    heading, logged, uniform, red = evaluated(
        capsys, path, "--policy", "uniform", "--policy", "arm=red"
    )
    assert heading.split() == "policy worth rows ips snips doubly robust".split()
    assert logged.startswith("as logged")
    value, low, high = (float(word.strip("[],")) for word in uniform.split()[2:5])
    assert low < value < high
    assert low < 0.45 < high
    assert red.startswith("arm=red")


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_a_policy_that_reads_contexts_learns_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    path = str(write(tmp_path / name, rows=2000))
    words = ["--context", "device,age", "--policy", "LinUCBPolicy:alpha=0.1"]
    found = objects(capsys, path, *words, "--policy", "BetaTSPolicy")
    linear, blind = found["LinUCBPolicy:alpha=0.1"], found["BetaTSPolicy"]
    assert found["as logged"]["rows"] == linear["rows"] == 1000
    for method in ("ips", "snips", "doubly_robust"):
        assert linear[method]["low"] < 0.7 < linear[method]["high"]
        assert blind[method]["value"] < 0.6


def test_columns_and_split_can_be_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "log.csv", rows=100)
    renamed = path.read_text().replace("arm,reward,propensity", "shown,paid,chance")
    path.write_text(renamed)
    words = ["--arm", "shown", "--reward", "paid", "--propensity", "chance"]
    found = objects(
        capsys, str(path), *words, "--policy", "EpsilonPolicy", "--train", "0.3"
    )
    assert found["EpsilonPolicy"]["rows"] == 70
    assert "no column arm or item_id" in refused(
        capsys, str(path), "--policy", "uniform"
    )


def test_intervals_of_all_kinds(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(write(tmp_path / "log.csv"))

    def width(*words: str) -> float:
        one = objects(capsys, path, "--policy", "arm=blue", *words)["arm=blue"]["ips"]
        return float(one["high"] - one["low"])

    assert width("--interval", "bernstein") > 1.5 * width()
    assert abs(width("--interval", "bootstrap") / width() - 1) < 0.2
    assert width("--level", "0.5") < 0.5 * width()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["none.csv", "--policy", "uniform"], "No such file"),
        (["LOG", "--policy", "arm=green"], "the log has no arm green"),
        (["LOG", "--policy", "Nobody"], "unknown policy: Nobody"),
        (["LOG", "--policy", "LinUCBPolicy"], "there are none"),
        (["LOG", "--policy", "uniform", "--context", "colour"], "no column colour"),
        (["LOG", "--policy", "uniform", "--reward", "device"], "must be numbers"),
        (["LOG", "--policy", "uniform", "--propensity", "age"], "must be in (0, 1]"),
        (["LOG", "--policy", "BetaTSPolicy", "--train", "1"], "rows to learn"),
        (["LOG", "--policy", "BetaTSPolicy", "--reward", "age"], "reward must be"),
        (["LOG", "--policy", "uniform", "--level", "2"], "level"),
        (["LOG", "--policy", "log=men_bts", "--arm", "propensity"], "never did"),
        (["LOG", "--policy", "log=OTHER", "--within", "device"], "no frequencies"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], why: str
) -> None:
    path, other = write(tmp_path / "log.csv"), write(tmp_path / "other.csv")
    other.write_text(other.read_text().replace("desk", "phone"))
    given = [
        word.replace("LOG", str(path)).replace("OTHER", str(other)) for word in words
    ]
    assert why in refused(capsys, *given)


@pytest.mark.parametrize("text", ["", "arm,reward\n", "arm,reward\n1,2\n1\n"])
def test_a_broken_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    refused(capsys, str(path), "--policy", "uniform")
    path.write_bytes(b"\xff\xfe\x00")
    assert "is not text" in refused(capsys, str(path), "--policy", "uniform")


def test_contexts_are_encoded_as_a_schema_does(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("device,age\nphone,20\ndesk,40\nphone,30\n")
    # the constant, desk, phone, any other device, age
    expected = [[1, 0, 1, 0, 0.0], [1, 1, 0, 0, 1.0], [1, 0, 1, 0, 0.5]]
    found = Table.read(str(path)).contexts(["device", "age"])
    np.testing.assert_array_equal(found, expected)
    assert Table.read(str(path)).contexts([]).shape == (3, 0)
