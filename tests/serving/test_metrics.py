"""Numbers: laid out, added up over processes that come and go, and served."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from qbrixcli.embedded.ports import free_port
from qbrixserving.metrics.board import CELLS
from qbrixserving.metrics.board import Board
from qbrixserving.metrics.calls import Calls
from qbrixserving.metrics.serving import exposed
from qbrixserving.metrics.sheet import Number
from qbrixserving.metrics.sheet import Sheet

FORK = multiprocessing.get_context("fork")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def number(sheet: Sheet, name: str, *values: str) -> float:
    """What a sheet says of it."""
    [family] = [one for one in sheet.families if one.name == f"qbrix_test_{name}"]
    return sheet.cells[family.places[values]]


@given(st.lists(st.floats(0, 20, allow_nan=False), max_size=50))
def test_a_histogram_counts_each_value_where_it_belongs(values: list[float]) -> None:
    sheet = Sheet("test")
    bounds = (0.5, 1.0, 10.0)
    histogram = sheet.histogram("sizes", "Sizes.", bounds)
    for value in values:
        histogram.observe(value)
    [family] = sheet.families
    samples = {
        sample.labels.get("le", sample.name): sample.value
        for sample in family.metric(sheet.cells).samples
    }
    for bound in bounds:
        assert samples[str(bound)] == sum(value <= bound for value in values)
    assert samples["+Inf"] == samples["qbrix_test_sizes_count"] == len(values)
    assert samples["qbrix_test_sizes_sum"] == pytest.approx(sum(values))


def test_a_call_is_counted_once_with_its_time_and_its_code() -> None:
    sheet = Sheet("test")
    calls = Calls(sheet, ["fast"], {"http": ["ODD", "BROKEN"]}, slow=["slow"])
    for kind in ("fast", "slow"):
        call = calls.of("http", kind)
        call.ok(0.0)
        call.error(0.0, "ODD", ours=False)
        call.error(0.0, "BROKEN", ours=True)
        call.error(0.0, "UNHEARD_OF", ours=True)
        for outcome, times in (("ok", 1), ("refused", 1), ("failed", 2)):
            assert number(sheet, "requests", "http", kind, outcome) == times
    assert number(sheet, "errors", "http", "ODD") == 2
    assert number(sheet, "errors", "http", "BROKEN") == 2
    for name in ("request_seconds", "control_seconds"):
        [family] = [f for f in sheet.families if f.name == f"qbrix_test_{name}"]
        counts = [
            sample.value
            for sample in family.metric(sheet.cells).samples
            if sample.name.endswith("_count")
        ]
        assert counts == [4]


def test_what_is_counted_elsewhere_is_followed() -> None:
    sheet, elsewhere = Sheet("test"), [3.0]
    sheet.follow(sheet.counter("reads", "Reads."), lambda: elsewhere[0])
    sheet.show(sheet.gauge("held", "Held."), lambda: elsewhere[0])
    sheet.refresh()
    sheet.refresh()
    elsewhere[0] = 5.0
    sheet.refresh()
    assert number(sheet, "reads") == number(sheet, "held") == 5


def test_labels_have_to_be_given() -> None:
    sheet = Sheet("test")
    counters = sheet.counters("calls", "Calls.", wire=("http",), call=("select",))
    with pytest.raises(ValueError, match="qbrix_test_calls has the labels"):
        counters.of("http")


class Page:
    """What each worker of these tests counts."""

    def __init__(self) -> None:
        self.sheet = Sheet("test")
        self.done: Number = self.sheet.counter("done", "Done.")
        self.waiting: Number = self.sheet.gauge("waiting", "Waiting.")
        self.oldest: Number = self.sheet.gauge("age", "Age.", "max")


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board(2)
    yield board
    board.close()


@contextmanager
def worker(board: Board, work: Callable[[Page], None]) -> Iterator[Any]:
    """A process that has published what its work counted, and goes on."""
    ready, told = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_work, args=(board, work, told), daemon=True)
    process.start()
    try:
        assert ready.recv() == "published"
        yield process
    finally:
        process.kill()
        process.join()
        for end in (ready, told):
            end.close()


def _work(board: Board, work: Callable[[Page], None], told: Connection) -> None:
    page = Page()
    work(page)
    board.publish(page.sheet)
    told.send("published")
    signal.pause()


def totals(board: Board) -> tuple[float, float, float]:
    done, waiting, oldest = board.totals(Page().sheet)
    return done, waiting, oldest


def busy(done: int, waiting: int, age: int) -> Callable[[Page], None]:
    def work(page: Page) -> None:
        page.done.add(done)
        page.waiting.set(waiting)
        page.oldest.set(age)

    return work


def test_numbers_of_workers_are_added_up(board: Board) -> None:
    with worker(board, busy(3, 2, 10)), worker(board, busy(4, 1, 20)):
        assert totals(board) == (7, 3, 20)
        assert board.workers() == 2


def test_no_sum_goes_back_when_a_worker_is_killed_and_replaced(board: Board) -> None:
    with worker(board, busy(4, 1, 20)):
        with worker(board, busy(3, 2, 10)) as killed:
            os.kill(killed.pid, signal.SIGKILL)
            killed.join()
            # what it had done is done; what waited in it does not
            assert totals(board) == (7, 1, 20)
            assert board.workers() == 1
        with worker(board, busy(5, 6, 30)):
            assert totals(board) == (12, 7, 30)
        for _ in range(10):
            with worker(board, busy(1, 0, 0)):
                pass
        assert totals(board) == (22, 1, 20)


def test_workers_beyond_the_places_count_once_there_is_one() -> None:
    board = Board(1)
    try:
        late = Page()
        late.done.add(9)
        with worker(board, busy(1, 0, 0)), worker(board, busy(2, 0, 0)):
            board.publish(late.sheet)
            assert totals(board)[0] == 3
        board.publish(late.sheet)
        assert totals(board)[0] == 12
    finally:
        board.close()


def test_one_process_speaks_for_all_until_it_is_gone(board: Board) -> None:
    with worker(board, lambda page: _lead(board)):
        assert not board.leads()
    assert board.leads()


def _lead(board: Board) -> None:
    assert board.leads()


def test_the_numbers_of_a_proxy_fit_on_its_board() -> None:
    from proxysvc.metrics import ProxyMetrics

    assert len(ProxyMetrics().sheet.cells) < CELLS // 2


async def scraped(port: int, accept: str = OPENMETRICS) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        url = f"http://127.0.0.1:{port}/metrics"
        return await client.get(url, headers={"accept": accept})


async def test_numbers_are_served_as_both_formats() -> None:
    page, port = Page(), free_port()
    page.done.add(2)
    async with exposed(page.sheet, "127.0.0.1", port):
        modern, plain = await scraped(port), await scraped(port, "text/plain")
    assert modern.headers["content-type"].startswith(OPENMETRICS)
    families = {f.name: f for f in text_string_to_metric_families(modern.text)}
    assert families["qbrix_test_done"].samples[0].value == 2
    assert families["qbrix_test_cpu_seconds"].samples[0].value > 0
    assert families["qbrix_test_resident_bytes"].samples[0].value > 2**20
    assert "qbrix_test_done_total 2.0" in plain.text
    assert "# EOF" not in plain.text


async def test_a_port_that_is_taken_is_waited_for() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with exposed(Page().sheet, "127.0.0.1", port):
            taken.close()
            for _ in range(300):
                await asyncio.sleep(0.1)
                try:
                    assert (await scraped(port)).status_code == 200
                    return
                except httpx.TransportError:
                    continue
    raise AssertionError("it was never had")


async def test_port_0_is_none() -> None:
    page = Page()
    async with exposed(page.sheet, "127.0.0.1", 0):
        assert len(page.sheet.families) == 3
