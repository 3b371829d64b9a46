"""Tests of what sends requests for the benchmarks, and of how it counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.load import Series
from bench.load import Target
from bench.load import read
from bench.load import write_script
from bench.paced import Generator
from bench.paced import Work
from bench.sheet import percentile
from bench.streams import read as read_calls
from bench.targets import TARGETS

WRK = """\
Running 1s test @ http://127.0.0.1:1/
figures 20000 2000000 0 0 {status} 0
figures 1500
figures 2500
figures 3500
figures 4500
"""
H2LOAD = """\
finished in 2.00s, 500.50 req/s, 1.0MB/s
requests: 1001 total, 1001 started, 1001 done, 1001 succeeded, {failed} failed, \
0 errored, 0 timeout
traffic: 1.00MB (1000000) total, 9.77KB (10000) headers, 97.75KB ({data}) data
"""
STALL = 0.3


class Server:
    """Answers 200 to every request; one in so many with an error, the first late."""

    def __init__(self, stall: float = 0.0, bad_every: int = 0) -> None:
        self._stall = stall
        self._bad_every = bad_every
        self._seen = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                length = int(head.partition(b"content-length: ")[2].split(b"\r")[0])
                await reader.readexactly(length)
                self._seen += 1
                if self._seen == 1:
                    await asyncio.sleep(self._stall)
                bad = self._bad_every and self._seen % self._bad_every == 0
                status = b"503 Busy" if bad else b"200 OK"
                # in two parts, as a large answer would come
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: 4\r\n\r\nok" % status)
                await writer.drain()
                writer.write(b"ok")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextmanager
def running(server: Server) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(server.serve, "127.0.0.1", 0), loop
    ).result()
    try:
        port = opened.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
    finally:

        async def stop() -> None:
            opened.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def work(url: str, rate: int, connections: int) -> Work:
    return Work(Target(url, "{}", {"X-API-Key": "k"}), rate, 1, connections)


def test_every_request_of_a_rate_is_sent_and_answered() -> None:
    with running(Server()) as url:
        seen = Generator(work(url, 200, 8)).run()
    assert (seen.sent, seen.failed) == (200, 0)
    assert 0 < seen.p50 <= seen.p99 <= seen.p999 <= seen.most


def test_errors_are_failures() -> None:
    with running(Server(bad_every=4)) as url:
        assert Generator(work(url, 100, 4)).run().failed == 25


def test_who_waits_behind_a_slow_answer_has_waited_since_they_were_due() -> None:
    with running(Server(stall=STALL)) as url:
        seen = Generator(work(url, 100, 1)).run()
    assert seen.failed == 0
    assert seen.most >= 1e3 * STALL
    # a closed loop would have sent none meanwhile, and missed this
    assert seen.late_p99 >= 1e3 * STALL / 2


def test_what_wrk_says_is_read_and_errors_are_refused() -> None:
    seen = read(WRK.format(status=0))
    assert (seen.rate, seen.total) == (10_000, 20_000)
    assert (seen.p50, seen.p99, seen.p999, seen.most) == (1.5, 2.5, 3.5, 4.5)
    with pytest.raises(RuntimeError, match="'status': 3"):
        read(WRK.format(status=3))
    with pytest.raises(RuntimeError, match="unable to connect"):
        read("unable to connect")


def test_what_h2load_says_is_read_and_answers_without_a_message_are_refused() -> None:
    seen = read_calls(H2LOAD.format(failed=0, data=1001 * 25), [1.0, 2.0, 3.0], 20)
    assert (seen.rate, seen.total, seen.p50, seen.most) == (500.5, 1001, 2.0, 3.0)
    with pytest.raises(RuntimeError, match="calls failed"):
        read_calls(H2LOAD.format(failed=0, data=1001 * 24), [1.0], 20)
    with pytest.raises(RuntimeError, match="calls failed"):
        read_calls(H2LOAD.format(failed=1, data=1001 * 25), [1.0], 20)


def test_a_series_is_sent_in_its_order(tmp_path: Path) -> None:
    series = Series("http://x/", ["a", "b"], {"K": "v"}, [1, 0, 1])
    script = write_script(series, tmp_path).read_text()
    assert 'wrk.headers["K"] = "v"' in script
    assert (tmp_path / "order").read_text() == "2\n1\n2"
    assert "stop()" not in script
    once = Series("http://x/", ["a"], {}, [0], once=True)
    assert "stop()" in write_script(once, tmp_path).read_text()


def test_percentiles_and_targets() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert percentile([1.0], 1.0) == 1.0
    least, most = TARGETS[0], TARGETS[1]
    assert least.met(least.bound) and not least.met(0.99 * least.bound)
    assert most.met(most.bound) and not most.met(1.01 * most.bound)
