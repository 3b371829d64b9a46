"""What Prometheus would read from a running system."""

from __future__ import annotations

import time
from collections.abc import Iterable
from collections.abc import Mapping
from typing import NamedTuple

import httpx
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.system.running import Up
from tests.trust import TRUST

SERVICES = ("PROXY", "MOTOR", "CORTEX")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


class Scrape(NamedTuple):
    """Samples by name, all of them read at about one time."""

    at: float
    vectors: Mapping[str, Vector]
    families: Mapping[str, Metric]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels among theirs."""
        wanted = labels.items()
        found = [
            v for of, v in self.vectors[name].items() if wanted <= dict(of).items()
        ]
        assert found, (name, labels)
        return sum(found)


def exposition(up: Up, service: str) -> str:
    """As it is sent."""
    port = up.environ[f"{service}_METRICS_PORT"]
    answer = httpx.get(
        f"http://127.0.0.1:{port}/metrics",
        headers={"Accept": OPENMETRICS},
        timeout=10,
        trust_env=False,
        verify=TRUST,
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    return answer.text


def scrape(up: Up, services: Iterable[str] = SERVICES) -> Scrape:
    """What the services say now."""
    vectors: dict[str, Vector] = {}
    families: dict[str, Metric] = {}
    for service in services:
        for family in text_string_to_metric_families(exposition(up, service)):
            assert family.name not in families
            families[family.name] = family
            for sample in family.samples:
                of = frozenset({**sample.labels, "instance": service}.items())
                vectors.setdefault(sample.name, {})[of] = float(sample.value)
    return Scrape(time.monotonic(), vectors, families)
