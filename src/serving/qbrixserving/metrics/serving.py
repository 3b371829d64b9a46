"""Numbers over HTTP, in the formats of Prometheus and OpenMetrics."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client import start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixserving.metrics.board import Board
from qbrixserving.metrics.process import add_process
from qbrixserving.metrics.sheet import Sheet

logger = get_logger(__name__)

TICK_SEC: Final = 1.0
# lets the event loop have the interpreter in the middle of a scrape
PAUSE_SEC: Final = 0.000_2
SAMPLES_AT_ONCE: Final = 32  # a quarter of a millisecond


@asynccontextmanager
async def exposed(
    sheet: Sheet, host: str, port: int, board: Board | None = None
) -> AsyncIterator[None]:
    """Serve the numbers for the duration of the block; not at all with port 0.

    Gauges, and with a ``board`` the numbers of other processes, are up to a second old.
    A port that cannot be had is told once and tried again: nothing else waits for it.
    """
    if not port:
        yield
        return
    add_process(sheet)
    exposition = Exposition(sheet, host, port, board)
    exposition.tick()
    async with background(exposition.run(), "keeping metrics level"):
        try:
            yield
        finally:
            exposition.close()


class Exposition(Collector):
    """The numbers of this process, or of all that share a board."""

    def __init__(
        self, sheet: Sheet, host: str, port: int, board: Board | None = None
    ) -> None:
        self._sheet = sheet
        self._host = host
        self._port = port
        self._board = board
        self._server: Any = None
        self._refused = False

    async def run(self) -> None:
        """Keep level, for ever."""
        while True:
            await asyncio.sleep(TICK_SEC)
            self.tick()

    def tick(self) -> None:
        """Bring the gauges up to date, tell the others, and listen if nobody does."""
        self._sheet.refresh()
        if self._board is not None:
            self._board.publish(self._sheet)
        if self._server is None and (self._board is None or self._board.leads()):
            self._listen()

    def close(self) -> None:
        """Tell the others the last numbers, and stop listening."""
        self.tick()
        if self._server is not None:
            # the library's server looks up only now and then: nobody waits for that
            threading.Thread(target=_stop, args=(self._server,), daemon=True).start()

    def collect(self) -> Iterator[Metric]:
        """Called by the library in a thread of its own, once a scrape."""
        cells = self._sheet.cells
        if self._board is not None:
            cells = self._board.totals(self._sheet)
        for family in self._sheet.families:
            metric = family.metric(cells)
            metric.samples = _paced(metric.samples)  # type: ignore[assignment]
            yield metric

    def _listen(self) -> None:
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, _ = start_http_server(self._port, self._host, registry)
        except OSError as error:
            if not self._refused:
                reason = error.strerror
                logger.warning(
                    "no metrics on %s:%d yet: %s", self._host, self._port, reason
                )
            self._refused = True
        else:
            logger.info("metrics on %s:%d", self._host, self._port)


def _paced(samples: Iterable[Sample]) -> Iterator[Sample]:
    for number, sample in enumerate(samples):
        if number % SAMPLES_AT_ONCE == 0:
            time.sleep(PAUSE_SEC)
        yield sample


def _stop(server: Any) -> None:
    server.shutdown()
    server.server_close()
