"""What cortex counts about itself."""

from __future__ import annotations

import time
from time import perf_counter
from typing import Final

from cortexsvc.training import Outcome
from qbrixserving.guard import CODES
from qbrixserving.metrics.calls import Call
from qbrixserving.metrics.calls import Calls
from qbrixserving.metrics.sheet import SECONDS
from qbrixserving.metrics.sheet import SIZES
from qbrixserving.metrics.sheet import Sheet
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.gauges import Progress

CALLS: Final = ("FlushBatch", "GetStats", "Health")
_LAGS: Final = (*SECONDS[7:], 30.0, 60.0, 300.0, 1_800.0)
_EVENTS: Final = (*SIZES, 1_024.0, 2_048.0, 4_096.0, 16_384.0)
_OUTCOMES: Final = ("learned", "stale", "dropped", "dead")

Seconds = float


class CortexMetrics:
    """The numbers of one cortex; what has a shard is told apart by it."""

    def __init__(self) -> None:
        sheet = self.sheet = Sheet("cortex")
        calls = Calls(sheet, CALLS, {"grpc": CODES})
        self._calls = {name: calls.of("grpc", name) for name in CALLS}
        events = sheet.counters(
            "events",
            "Events of the log that were committed: learned, stale (of a generation "
            "before), dropped (of an experiment that is gone) or dead (kept aside).",
            outcome=_OUTCOMES,
        )
        self._events = {outcome: events.of(outcome).add for outcome in _OUTCOMES}
        self._windows = sheet.counters(
            "windows",
            "Selections whose window ended without feedback: defaulted (the default "
            "is learned) or overdue (found too late to be told from rewarded ones).",
            outcome=("defaulted", "overdue"),
        )
        self._versions = sheet.counter(
            "versions", "New versions of params written."
        ).add
        self._bytes = sheet.counter("state_bytes", "Bytes of params written.").add
        self._interrupted = sheet.counter(
            "interruptions", "Times that training had to start again from the log."
        ).add
        self._batch = sheet.histogram("batch_events", "Events in a batch.", _EVENTS)
        self._train = sheet.histogram(
            "train_seconds", "Time from a batch in hand to what it comes to."
        )
        self._commit = sheet.histogram(
            "commit_seconds", "Time that Redis took to commit a batch."
        )
        self._lag = sheet.histogram(
            "feedback_lag_seconds",
            "Age of the oldest feedback of a batch when it was committed.",
            _LAGS,
        )
        self._owner = sheet.gauges(
            "owner", "Whether this cortex trains on a shard.", shard=()
        )
        self._waiting = sheet.gauges(
            "waiting_events", "Events of a shard that are not committed yet.", shard=()
        )
        self._oldest = sheet.gauges(
            "waiting_seconds",
            "Age of the oldest of them, 0 if there is none.",
            shard=(),
        )
        self._awaiting = sheet.gauges(
            "awaiting_selections",
            "Selections of a shard whose reward windows have not ended.",
            shard=(),
        )
        self._due = sheet.gauge(
            "due_snapshots", "Experiments whose params Postgres has an old version of."
        ).set
        self._looked = time.monotonic()
        sheet.show(
            sheet.gauge(
                "log_age_seconds", "Time since the log was last looked at in Redis."
            ),
            lambda: time.monotonic() - self._looked,
        )

    def meter(self, method: str) -> Call | None:
        """What counts the calls of a gRPC method."""
        return self._calls.get(method.rpartition("/")[2])

    def trained(self, began: Seconds, batch: Batch) -> None:
        """What a batch comes to is known; it was in hand since ``began``."""
        self._train.observe(perf_counter() - began)
        self._batch.observe(batch.events)

    def committed(self, began: Seconds, batch: Batch, outcome: Outcome) -> None:
        """A batch is committed, which ``began`` at ``perf_counter``."""
        self._commit.observe(perf_counter() - began)
        self._lag.observe(max(0.0, time.time() - batch.first_ms() / 1_000))
        tallies = [outcome.tally, *(one.tally for one in outcome.updates)]
        add = self._events
        add["learned"](sum(one.learned for one in outcome.updates))
        add["stale"](sum(tally.stale for tally in tallies))
        add["dropped"](sum(tally.dropped for tally in tallies))
        add["dead"](sum(len(tally.dead) for tally in tallies))
        self._versions(len(outcome.updates))
        self._bytes(sum(len(one.state) for one in outcome.updates))

    def interrupted(self) -> None:
        """Training goes back to what is committed."""
        self._interrupted()

    def looked(self, shard: int, owner: bool, progress: Progress) -> None:
        """A shard of the log was found like that."""
        self._looked = time.monotonic()
        name = str(shard)
        self._owner.of(name).set(owner)
        self._waiting.of(name).set(progress.waiting)
        self._oldest.of(name).set(progress.lag_ms / 1_000)
        self._awaiting.of(name).set(progress.awaiting)

    def lapsed(self, defaulted: int, overdue: int) -> None:
        """So many windows ended without feedback."""
        self._windows.of("defaulted").add(defaulted)
        self._windows.of("overdue").add(overdue)

    def due(self, snapshots: int) -> None:
        """So many snapshots are due."""
        self._due(snapshots)
