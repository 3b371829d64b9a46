"""What is to be reached on two cores, the generator included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from bench.sheet import Table
from bench.sheet import number


class Target(msgspec.Struct, frozen=True):
    """A bound for a figure: from above, or from below with ``least``."""

    name: str
    measure: str
    bound: float
    unit: str
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure keeps the bound."""
        return value >= self.bound if self.least else value <= self.bound

    def row(self, value: float | None) -> list[str]:
        """For a table; the ratio is that of the figure to the bound."""
        unit = f" {self.unit}" if self.unit else ""
        wanted = f"{'≥' if self.least else '≤'} {number(self.bound)}{unit}"
        if value is None:
            return [self.measure, wanted, "not measured", ""]
        said = "yes" if self.met(value) else "**no**"
        beside = f" ({value / self.bound:.2f} ×)" if self.bound else ""
        return [self.measure, wanted, f"{number(value)}{unit}", said + beside]


TARGETS: Final = (
    Target("select 32", "REST select, 32 connections", 0.5, "× echo", True),
    Target("proxy 32", "CPU a select at 32 connections, proxy", 38, "µs"),
    Target("motor 32", "CPU a select at 32 connections, motor", 8, "µs"),
    Target("proxy 128", "CPU a select at 128 connections, proxy", 28, "µs"),
    Target("motor 128", "CPU a select at 128 connections, motor", 5, "µs"),
    Target("lone p50", "REST select, 1 connection, p50", 3, "× echo"),
    Target("lone p99", "REST select, 1 connection, p99", 1, "ms"),
    Target("paced p99", "open loop at 5,000 selects/s, p99", 3, "ms"),
    Target("paced failed", "open loop at 5,000 selects/s, failed", 0, "requests"),
    Target("rpc", "gRPC select, 32 in flight", 0.7, "× echo", True),
    Target("feedback", "REST feedback, 32 connections", 0.4, "× echo", True),
    Target("feedback lost", "rewards acknowledged and not in the log", 0, ""),
    Target("batch", "select:batch of 64", 200_000, "decisions/s", True),
    Target("linucb", "LinUCB 10 × 16", 0.9, "× BetaTS", True),
    Target("beta 1000", "BetaTS, 1,000 arms", 0.5, "× 10 arms", True),
    Target("ucb 1000", "UCB1-Tuned, 1,000 arms", 0.5, "× 10 arms", True),
    Target("zipf", "10,000 experiments, Zipf traffic", 0.8, "× one", True),
    Target("motor rss", "resident memory of the motor with them", 600, "MB"),
    Target("cold", "a cold experiment's first select, p99, adds", 5, "ms"),
    Target("motors", "two motors", 0.9, "× one", True),
    Target("workers", "two workers", 0.9, "× one", True),
    Target("drain beta", "cortex, BetaTS", 100_000, "events/s", True),
    Target("drain linucb", "cortex, LinUCB, 16 features", 50_000, "events/s", True),
    Target("cortex memory", "cortex over 5,000,000 events, growth", 10, "%"),
    Target("fresh", "reward to select at 1,000 rewards/s, p99", 250, "ms"),
)


def judged(values: Mapping[str, float]) -> Table:
    """All targets beside what was measured."""
    rows = [target.row(values.get(target.name)) for target in TARGETS]
    return Table("Targets", ["measure", "target", "measured", "met"], rows)
