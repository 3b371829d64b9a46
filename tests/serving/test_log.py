"""Logs: where they go, what a line looks like, which request it belongs to."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator

import msgspec
import pytest

from qbrixlog import choose_request_id
from qbrixlog import configure_logging
from qbrixlog import get_logger
from qbrixlog import request_context
from qbrixlog import request_id


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was again afterwards."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logging.captureWarnings(False)


def json_lines(text: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in text.splitlines()]


def test_a_text_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("motorsvc", {})
    with request_context("req-123"):
        get_logger("motorsvc.cache").warning("lost %d", 3, extra={"shard": 0})
    line = capsys.readouterr().err
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    expected = rf"{stamp} warning motorsvc\.cache \[req-123\] lost 3 shard=0\n"
    assert re.fullmatch(expected, line)


def test_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("motorsvc", {"LOG_FORMAT": "json"})
    with request_context("req-123"):
        get_logger("motorsvc.cache").info("ready\nnow", extra={"ids": {1}, "time": 0})
    [line] = json_lines(capsys.readouterr().err)
    assert re.fullmatch(r"[\d-]+T[\d:.]+Z", str(line.pop("time")))
    assert line == {
        "level": "info",
        "service": "motorsvc",
        "logger": "motorsvc.cache",
        "message": "ready\nnow",
        "ids": [1],
        "request_id": "req-123",
    }


def test_outside_of_a_request_there_is_no_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("motorsvc", {"LOG_FORMAT": "json"})
    get_logger("a").info("x")
    assert "request_id" not in json_lines(capsys.readouterr().err)[0]
    assert request_id() == ""


def test_a_text_message_cannot_forge_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("motorsvc", {})
    get_logger("a").info("one\ntwo")
    assert capsys.readouterr().err.endswith(" one\\ntwo\n")


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_traceback_is_kept(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("motorsvc", {"LOG_FORMAT": kind})
    try:
        raise KeyError("gone")
    except KeyError:
        get_logger("a").exception("failed")
    err = capsys.readouterr().err
    assert "KeyError: 'gone'" in err
    assert (len(err.splitlines()) == 1) == (kind == "json")


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, logging.INFO),
        ({"LOG_LEVEL": "debug"}, logging.DEBUG),
        ({"LOG_LEVEL": "debug", "MOTOR_LOG_LEVEL": "ERROR"}, logging.ERROR),
        ({"LOG_LEVEL": "debug", "MOTOR_LOG_LEVEL": ""}, logging.DEBUG),
        ({"CORTEX_LOG_LEVEL": "debug"}, logging.INFO),
    ],
)
def test_the_level_of_a_service(
    environ: dict[str, str], level: int, root: logging.Logger
) -> None:
    configure_logging("motorsvc", environ)
    assert root.level == level


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT: got 'xml', wants one of text, json"),
        (
            {"MOTOR_LOG_LEVEL": "loud"},
            "MOTOR_LOG_LEVEL: got 'loud', wants one of debug, info, warning, error, "
            "critical",
        ),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        configure_logging("motorsvc", environ)


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("motorsvc", {})
    configure_logging("motorsvc", {})
    get_logger("a").info("once")
    assert capsys.readouterr().err.count("once") == 1


async def test_tasks_inherit_the_id_and_do_not_leak_it() -> None:
    seen: dict[str, str] = {}
    turn = asyncio.Barrier(2)

    async def note() -> None:
        await turn.wait()
        seen[request_id()] = request_id()

    async def call(identifier: str) -> None:
        with request_context(identifier):
            await asyncio.create_task(note())

    await asyncio.gather(call("a"), call("b"))
    assert seen == {"a": "a", "b": "b"}
    assert request_id() == ""


def test_nested_contexts_give_the_outer_id_back() -> None:
    with request_context("outer"):
        with pytest.raises(ValueError, match="boom"), request_context("inner"):
            raise ValueError("boom")
        assert request_id() == "outer"


@pytest.mark.parametrize("given", ["req-123", "!", "~" * 128])
def test_a_callers_id_is_kept(given: str) -> None:
    assert choose_request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "a b", "a\n", "é", "x" * 129, "a\x00"])
def test_other_ids_are_replaced_by_new_ones(given: str | None) -> None:
    made = {choose_request_id(given) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)
