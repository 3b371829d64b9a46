"""The order in which a gate decides, and what it explains."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.proxy.gates.samples import NOON
from tests.proxy.gates.samples import compiled
from tests.proxy.hot.samples import definition

from proxysvc.definitions import Entry
from proxysvc.gates.decision import Decision
from proxysvc.gates.decision import Reason
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.gate import as_dict

NOW = NOON.timestamp()
CLOSED: dict[str, Any] = {"active_hours_start": "01:00", "active_hours_end": "02:00"}
OVER: dict[str, Any] = {"schedule_end": NOON.replace(year=2025)}
PRO = Rule("plan", "==", "pro", "b")


def test_the_first_that_says_no_decides() -> None:
    everything = {"enabled": False, "rollout_percentage": 0.0, **CLOSED}
    for given_, reason in (
        (everything, Reason.DISABLED),
        ({**everything, "enabled": True}, Reason.BLACKOUT),
        ({"rollout_percentage": 0.0, **OVER}, Reason.BLACKOUT),
        ({"rollout_percentage": 0.0}, Reason.ROLLOUT),
    ):
        gate = compiled(PRO, **given_)
        decided = gate.decide("somebody", {"plan": "pro"}, NOW)
        assert decided == Decision(reason, 0)


def test_the_first_rule_that_matches_decides() -> None:
    gate = compiled(
        Rule("age", ">=", 65, "a"), PRO, Rule("plan", "in", ["pro", "team"], "a")
    )
    pro = gate.decide("x", {"plan": "pro"}, NOW)
    assert pro == Decision(Reason.RULE, 1, 1)
    assert gate.decide("x", {"plan": "team"}, NOW) == Decision(Reason.RULE, 0, 2)
    both = gate.decide("x", {"plan": "pro", "age": 70}, NOW)
    assert both == Decision(Reason.RULE, 0, 0)
    assert gate.decide("x", {"plan": "free"}, NOW) == Decision(Reason.BANDIT)
    assert gate.decide("x", {}, NOW) == Decision(Reason.BANDIT)


def test_without_an_arm_the_bandit_decides() -> None:
    for more in ({"enabled": False}, CLOSED, {"rollout_percentage": 0.0}):
        for default in (None, "c", "gone"):
            gate = compiled(default=default, **more)
            assert gate.decide("x", {}, NOW) == Decision(Reason.BANDIT)
            assert gate.default is None
    for arm in (None, "c", "gone"):
        gate = compiled(Rule("plan", "==", "pro", arm), PRO)
        # it is decisive all the same: the rules after it are not asked
        decided = gate.decide("x", {"plan": "pro"}, NOW)
        assert decided == Decision(Reason.BANDIT, None, 0)


def test_a_key_that_is_missing_never_matches() -> None:
    for operator in ("!=", "not_in", "not_contains", "=="):
        gate = compiled(Rule("plan", operator, None, "b"))
        assert gate.decide("x", {}, NOW) == Decision(Reason.BANDIT)


def test_one_end_of_the_hours_is_no_bound() -> None:
    for end in ("active_hours_start", "active_hours_end"):
        gate = compiled(**{end: "01:00"})
        assert gate.decide("x", {}, NOW) == Decision(Reason.BANDIT)


def test_an_explanation_says_what_each_part_says() -> None:
    rules = (PRO, Rule("plan", "!=", "free"), Rule("age", ">", 18, "a"))
    gate = compiled(*rules, enabled=False, rollout_percentage=0.0, **CLOSED)
    told = gate.explain("x", {"plan": "pro"}, NOW)
    assert told.decision == Decision(Reason.DISABLED, 0)
    assert (told.enabled, told.in_schedule, told.in_rollout) == (False, False, False)
    assert told.matched == (True, True, False)
    told = compiled(*rules).explain("x", {"plan": "team"}, NOW)
    assert (told.enabled, told.in_schedule, told.in_rollout) == (True, True, True)
    assert told.decision == Decision(Reason.BANDIT, None, 1)
    assert told.matched == (False, True, False)


@given(
    st.booleans(),
    st.floats(0, 100),
    st.text(max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 2)),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=4),
)
def test_what_is_explained_is_what_a_select_does(
    enabled: bool,
    percentage: float,
    context_id: str,
    metadata: dict[str, int],
    wanted: list[tuple[str, int]],
) -> None:
    rules = [Rule(key, "==", value, "b") for key, value in wanted]
    gate = compiled(*rules, enabled=enabled, rollout_percentage=percentage)
    told = gate.explain(context_id, metadata)
    assert gate.force(context_id, metadata) == told.decision.arm
    assert (told.decision.arm is None) is (told.decision.reason is Reason.BANDIT)
    if told.decision.rule is not None:
        assert told.matched.index(True) == told.decision.rule


class Broken(dict[str, Any]):
    """Metadata that cannot be read."""

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: object = None) -> object:
        raise RuntimeError("a bug")


def test_a_failure_leaves_the_choice_to_the_bandit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = compiled(PRO)
    with caplog.at_level(logging.ERROR):
        assert [gate.force("x", Broken()) for _ in range(3)] == [None] * 3
    assert len(caplog.records) == 1
    assert "a bug" in caplog.text
    assert gate.force("x", {"plan": "pro"}) == 1
    with pytest.raises(RuntimeError):
        gate.explain("x", Broken())


@pytest.mark.parametrize(
    "unknown",
    [
        {"rules": [{"key": "a", "operator": "resembles"}]},
        {"rules": "none"},
        {
            "active_hours_start": "01:00",
            "active_hours_end": "02:00",
            "timezone": "Mars/Olympus",
        },
        {"active_hours_start": "morning", "active_hours_end": "evening"},
    ],
)
def test_a_gate_of_a_newer_build_leaves_the_choice_to_the_bandit(
    unknown: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        entry = Entry.of(definition("BetaTSPolicy", gate=unknown))
    assert entry.gate is None
    assert "cannot read the gate of experiment e1" in caplog.text


def test_an_entry_has_its_gate_ready() -> None:
    plain = definition("BetaTSPolicy")
    assert Entry.of(plain).gate is None
    default = plain.arms[1].id
    gate = Gate(enabled=False, default_arm_id=default, schedule_start=NOON)
    gated = msgspec.structs.replace(plain, gate={**as_dict(gate), "newer": 1})
    made = Entry.of(gated).gate
    assert made is not None
    assert made.default == 1
    assert made.force("x", None) == 1


def test_a_value_is_worked_out_once_for_all_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked_out: list[object] = []

    def counted(value: Any) -> Any:
        worked_out.append(value)
        return value

    rules = [Rule("tags", "contains", 1_000 + n, "b") for n in range(200)]
    gate = compiled(*rules, Rule("tags", "contains", 7, "a"))
    monkeypatch.setattr("proxysvc.gates.nested.frozen", counted)
    tags = list(range(500))
    assert gate.decide("x", {"tags": tags}, NOW) == Decision(Reason.RULE, 0, 200)
    assert worked_out == tags
