"""What a person may type, and what becomes of it."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qbrixcli.resources.given import arm_list
from qbrixcli.resources.given import count
from qbrixcli.resources.given import json_list
from qbrixcli.resources.given import json_object
from qbrixcli.resources.given import json_value
from qbrixcli.resources.given import moment
from qbrixcli.resources.given import number
from qbrixcli.resources.plain import plain


@given(some.recursive(some.none() | some.booleans() | some.text(), some.lists))
def test_json_is_what_it_says(value: object) -> None:
    assert json_value(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "'x'", "{a: 1}"])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="not JSON"):
        json_value(text)


def test_a_file_of_json(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"name": "grün"}', encoding="utf-8")
    assert json_object(f"@{file}") == {"name": "grün"}
    with pytest.raises(ArgumentTypeError, match="Is a directory"):
        json_object(f"@{tmp_path}")


def test_the_wrong_kind_of_json() -> None:
    with pytest.raises(ArgumentTypeError, match="wants a JSON object"):
        json_object("[]")
    with pytest.raises(ArgumentTypeError, match="wants a JSON array"):
        json_list("{}")


def test_arms_are_names_or_objects() -> None:
    assert arm_list('["a", {"name": "b", "metadata": {"c": 1}}]') == [
        {"name": "a"},
        {"name": "b", "metadata": {"c": 1}},
    ]


@given(some.floats(allow_nan=False, allow_infinity=False) | some.integers())
def test_a_number_is_what_it_says(value: float) -> None:
    assert number(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "nan", "Infinity", "1e999", "true", '"1"', "0x1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        number(text)


def test_a_whole_number() -> None:
    assert count("007") == 7
    for text in ("", "-1", "1.0", "٣"):
        with pytest.raises(ArgumentTypeError):
            count(text)


def test_a_moment() -> None:
    assert moment("2030-01-02") == datetime(2030, 1, 2, tzinfo=UTC)
    assert moment("2030-01-02T03:00+03:00") == datetime(2030, 1, 2, tzinfo=UTC)
    with pytest.raises(ArgumentTypeError, match="'soon' is no date"):
        moment("soon")


@given(some.text())
def test_plain_text_moves_no_cursor(text: str) -> None:
    assert plain(text).isprintable()
    assert plain(text) == text or not text.isprintable()
