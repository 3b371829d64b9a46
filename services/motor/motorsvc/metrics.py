"""What a motor counts about itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import perf_counter
from typing import Any
from typing import Final

import grpc

from motorsvc.cache import SoftCache
from qbrixcore.policy.registry import SPECS
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixserving.guard import CODES
from qbrixserving.metrics.calls import Call
from qbrixserving.metrics.calls import Calls
from qbrixserving.metrics.sheet import SIZES
from qbrixserving.metrics.sheet import Sheet
from qbrixstore.redis import Changes
from qbrixstore.redis import keys

CALLS: Final = ("Select", "Health")
CACHES: Final = {"definitions": keys.DEFINITIONS, "params": keys.PARAMS}
_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}

Seconds = float


class MotorMetrics:
    """The numbers of one motor; a frame costs a few additions, whatever is in it."""

    def __init__(self) -> None:
        sheet = self.sheet = Sheet("motor")
        self._began = time.monotonic()
        calls = Calls(sheet, CALLS, {"grpc": CODES})
        self._calls = {name: calls.of("grpc", name) for name in CALLS}
        self._frame_seconds = sheet.histogram(
            "frame_seconds", "Time from the arrival of a frame to its warm answers."
        )
        self._frame_selects = sheet.histogram(
            "frame_selects", "Selects in a frame; their sum is all selects.", SIZES
        )
        self._cold_seconds = sheet.histogram(
            "cold_seconds", "Time from the arrival of a cold group to its answer."
        )
        groups = sheet.counters(
            "groups",
            "Selects of one experiment in a frame: warm if answered from memory at "
            "once, cold if they wait for Redis or for a thread.",
            way=("warm", "cold"),
        )
        self.warm, self._cold = groups.of("warm").add, groups.of("cold").add
        choices = sheet.counters("selections", "Choices, by policy.", policy=SPECS)
        self._chosen = {name: choices.of(name).add for name in SPECS}
        refused = sheet.counters(
            "refused_selects",
            "Selects answered with an error, by its code.",
            code=CODES,
        )
        self._refused = {code: refused.of(code).add for code in CODES}
        self._ages = sheet.gauges(
            "age_seconds",
            "Time since what is served was last known to be level with Redis.",
            of=CACHES,
        )
        self._held = sheet.gauges(
            "held_experiments", "Experiments in memory.", cache=CACHES
        )
        self._reads = sheet.counters(
            "reads",
            "Reads of Redis for the memory.",
            cache=CACHES,
            outcome=("ok", "failed"),
        )
        for name in CACHES:
            sheet.show(self._ages.of(name), self._since_start)

    def meter(self, method: str) -> Call | None:
        """What counts the calls of a gRPC method."""
        return self._calls.get(method.rpartition("/")[2])

    def frame(self, began: Seconds, selects: int) -> None:
        """The warm answers of a frame are ready; it ``began`` at ``perf_counter``."""
        self._frame_seconds.observe(perf_counter() - began)
        self._frame_selects.observe(selects)

    def chose(self, policy: str, selects: int) -> None:
        """A policy made that many choices."""
        self._chosen[policy](selects)

    def cold(self, waited: Seconds) -> None:
        """A group that could not be answered at once has been."""
        self._cold(1)
        self._cold_seconds.observe(waited)

    def answered(self, answers: AnswerFrame) -> None:
        """Take note of the errors in a frame of answers."""
        for group in answers.groups:
            if group.status:
                self._refused[_NAMES[group.status]](len(group.seqs))

    def watch(self, streams: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Show how many streams are open, and how many selects wait in them."""
        show, gauge = self.sheet.show, self.sheet.gauge
        show(gauge("streams", "Streams of selects that are open."), streams)
        show(
            gauge("waiting_selects", "Selects that wait for Redis or a thread."),
            waiting,
        )

    def follow(
        self, changes: Changes, agents: SoftCache[Any], states: SoftCache[Any]
    ) -> None:
        """Show how old the caches are, how full, and how often they read."""
        for name, cache in zip(CACHES, (agents, states), strict=True):
            self._show(name, cache, changes)

    def _show(self, name: str, cache: SoftCache[Any], changes: Changes) -> None:
        sheet, topic = self.sheet, CACHES[name]
        sheet.show(self._ages.of(name), lambda: changes.age(topic))
        sheet.show(self._held.of(name), lambda: len(cache))
        sheet.follow(self._reads.of(name, "ok"), lambda: cache.reads)
        sheet.follow(self._reads.of(name, "failed"), lambda: cache.failures)

    def _since_start(self) -> Seconds:
        return time.monotonic() - self._began
