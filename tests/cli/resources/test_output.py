"""Tables for people, JSON for programs."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest

from qbrixcli.resources.output import Output
from qbrixcli.resources.output import time_at
from qbrixcli.resources.views import EXPERIMENT
from qbrixcli.resources.views import GATE
from qbrixcli.resources.views import POOL

ARMS = [
    {"id": "a1", "name": "green", "index": 0, "is_active": True, "metadata": {}},
    {"id": "a2", "name": "blue", "index": 1, "is_active": False, "metadata": {"n": 1}},
]
A_POOL = {
    "id": "p1",
    "name": "buttons",
    "arms": ARMS,
    "created_at": "2026-01-02T03:04:05.678Z",
    "updated_at": None,
}


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def shown(as_json: bool = False) -> tuple[Output, io.StringIO]:
    stream = io.StringIO()
    return Output(stream, as_json), stream


def test_a_record() -> None:
    out, stream = shown()
    out.record(POOL, A_POOL)
    assert stream.getvalue() == (
        "id       p1\n"
        "name     buttons\n"
        "created  2026-01-02 03:04:05Z\n"
        "\n"
        "#  id  name   active  metadata\n"
        "0  a1  green  yes\n"
        '1  a2  blue   no      {"n": 1}\n'
    )


def test_rows() -> None:
    out, stream = shown()
    out.rows(POOL, [A_POOL, {**A_POOL, "name": "x" * 300}])
    heading, first, second = stream.getvalue().splitlines()
    assert heading.split() == ["id", "name", "arms", "updated"]
    assert first.split() == ["p1", "buttons", "1", "of", "2"]
    # whoever reads lines gets whole ones
    assert "x" * 300 in second


def test_nothing() -> None:
    out, stream = shown()
    out.rows(POOL, [])
    assert stream.getvalue() == "no pools\n"


def test_ids_only() -> None:
    stream = io.StringIO()
    out = Output(stream, quiet=True)
    out.record(POOL, A_POOL)
    out.rows(POOL, [{**A_POOL, "id": "p2"}, {**A_POOL, "id": "p3"}])
    out.rows(POOL, [])
    out.said("deleted", {})
    assert stream.getvalue() == "p1\np2\np3\n"


def test_json_is_the_answer() -> None:
    out, stream = shown(as_json=True)
    out.record(POOL, A_POOL)
    assert json.loads(stream.getvalue()) == A_POOL


def test_names_cannot_write_to_the_terminal() -> None:
    for as_json in (False, True):
        out, stream = shown(as_json)
        out.rows(POOL, [{**A_POOL, "name": "[red]a\x1b[2J\x9b\nb"}])
        said = stream.getvalue()
        assert "\x1b" not in said
        assert "\x9b" not in said
        assert "[red]a" in said


def test_a_narrow_terminal_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    stream = Screen()
    Output(stream, False).rows(POOL, [{**A_POOL, "name": "abcdefghij" * 9}])
    said = re.sub("\x1b\\[\\d+m", "", stream.getvalue())
    assert all(len(line) <= 30 for line in said.splitlines())
    assert said.count("j") == 9
    assert "p1" in said


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({"enabled": False, "rollout_percentage": 5}, "closed"),
        ({"enabled": True, "rollout_percentage": 12.5}, "12.5 %"),
        ({"enabled": True, "rollout_percentage": 5, "rules": [{}]}, "5 %, 1 rules"),
    ],
)
def test_a_gate_in_a_row(gate: dict[str, object], words: str) -> None:
    out, stream = shown()
    row = {"id": "e", "name": "n", "enabled": True, "feature_gate": gate}
    out.rows(EXPERIMENT, [row])
    assert words in stream.getvalue()


def test_a_whole_gate() -> None:
    out, stream = shown()
    rule = {"key": "country", "operator": "in", "value": ["TR"], "arm_name": "green"}
    out.record(
        GATE,
        {
            "experiment_id": "e1",
            "enabled": True,
            "rollout_percentage": 50.0,
            "default_arm_name": "blue",
            "active_hours_start": "22:00",
            "active_hours_end": "06:00",
            "timezone": "Europe/Istanbul",
            "rules": [rule],
            "version": 3,
        },
    )
    said = stream.getvalue()
    assert "active hours  22:00 to 06:00\n" in said
    assert "rollout       50 %\n" in said
    assert said.endswith("country  in        TR     green\n")


def test_times_of_both_kinds() -> None:
    of = time_at("t")
    assert of({"t": 1_767_323_045.678}) == "2026-01-02 03:04:05Z"
    assert of({"t": "2026-01-02T05:04:05+02:00"}) == "2026-01-02 03:04:05Z"
    assert of({}) is None


READER_THAT_LEAVES = """
import sys
from qbrixcli.resources.run import run
import qbrixcli.resources.output as output
from argparse import Namespace

async def much(desk):
    for _ in range(100_000):
        desk.out.said("line", None)

sys.exit(run(Namespace(prepare=None, local=True, json=False, quiet=False, run=much)))
"""


def test_a_reader_may_leave() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", READER_THAT_LEAVES],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 1
