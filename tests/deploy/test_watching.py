"""What the chart tells Prometheus and Grafana."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from tests.deploy.rendered import CHART
from tests.deploy.rendered import ROOT
from tests.deploy.rendered import Manifest
from tests.deploy.rendered import manifests
from tests.deploy.rendered import of_kind
from tests.deploy.rendered import pods

SERVICES = ("proxy", "motor", "cortex")
FILES = CHART / "files"
EVERYTHING = ROOT / "tests" / "deploy" / "everything.yaml"
COMPONENT = "app.kubernetes.io/component"


@pytest.fixture(scope="module")
def everything(helm: str) -> list[Manifest]:
    return manifests(helm, "-f", str(EVERYTHING))


@pytest.fixture(scope="module")
def example(helm: str) -> list[Manifest]:
    return manifests(helm, "-f", str(CHART / "values-example.yaml"))


def scraped(found: list[Manifest]) -> dict[str, Any]:
    """The services that lead to a port for metrics, by component."""
    services = of_kind(found, "Service").values()
    return {
        one["spec"]["selector"][COMPONENT]: one
        for one in services
        if any(port["name"] == "metrics" for port in one["spec"]["ports"])
    }


def test_every_service_can_be_scraped(everything: list[Manifest]) -> None:
    services = scraped(everything)
    assert set(services) == set(SERVICES)
    for component, pod in pods(everything):
        if component in SERVICES:
            [container] = pod["containers"]
            ports = {one["name"]: one["containerPort"] for one in container["ports"]}
            [port] = services[component]["spec"]["ports"]
            assert port["targetPort"] == "metrics"
            assert port["port"] == ports["metrics"]


def test_who_calls_the_proxy_does_not_reach_its_metrics(
    everything: list[Manifest],
) -> None:
    services = of_kind(everything, "Service")
    [public] = [one for name, one in services.items() if name.endswith("-proxy")]
    assert {port["name"] for port in public["spec"]["ports"]} == {"http", "grpc"}


def test_the_monitor_finds_all_three(everything: list[Manifest]) -> None:
    [monitor] = of_kind(everything, "ServiceMonitor").values()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint == {"port": "metrics", "interval": "30s"}
    selector = monitor["spec"]["selector"]
    [expression] = selector["matchExpressions"]
    for service in scraped(everything).values():
        labels = service["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items()
        assert labels[expression["key"]] in expression["values"]


def test_alerts_and_dashboard_are_those_of_the_files(
    everything: list[Manifest],
) -> None:
    [rule] = of_kind(everything, "PrometheusRule").values()
    assert rule["spec"] == yaml.safe_load((FILES / "alerts.yaml").read_text())
    maps = of_kind(everything, "ConfigMap")
    [shown] = [one for name, one in maps.items() if name.endswith("-dashboard")]
    assert shown["metadata"]["labels"]["grafana_dashboard"] == "1"
    written = json.loads((FILES / "dashboard.json").read_text())
    assert json.loads(shown["data"]["qbrix.json"]) == written


def test_a_cluster_without_an_operator_is_told_nothing_it_does_not_know(
    example: list[Manifest],
) -> None:
    groups = {one["apiVersion"].partition("/")[0] for one in example}
    assert "monitoring.coreos.com" not in groups
    assert not [n for n in of_kind(example, "ConfigMap") if n.endswith("-dashboard")]
    # the ports are there nevertheless: metrics are on
    assert set(scraped(example)) == set(SERVICES)


def test_metrics_can_be_left_out(helm: str) -> None:
    off = ("proxy.ports.metrics=0", "motor.metricsPort=0", "cortex.metricsPort=0")
    found = manifests(helm, "-f", str(EVERYTHING), "--set", ",".join(off))
    assert not scraped(found)
    for service in SERVICES:
        [data] = [
            one["data"]
            for name, one in of_kind(found, "ConfigMap").items()
            if name.endswith(f"-{service}")
        ]
        assert data[f"{service.upper()}_METRICS_PORT"] == "0"
    for policy in of_kind(found, "NetworkPolicy").values():
        for rule in policy["spec"]["ingress"]:
            assert "metrics" not in {port["port"] for port in rule["ports"]}


def test_motors_scale_by_what_they_answer(everything: list[Manifest]) -> None:
    scalers = of_kind(everything, "HorizontalPodAutoscaler")
    [motor] = [one for name, one in scalers.items() if name.endswith("-motor")]
    metrics = [one.get("pods", {}) for one in motor["spec"]["metrics"]]
    [found] = [
        one
        for one in metrics
        if one.get("metric") == {"name": "qbrix_motor_selects_per_second"}
    ]
    assert found["target"] == {"type": "AverageValue", "averageValue": "20000"}
