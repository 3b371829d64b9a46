"""Metrics of a whole system under traffic, and every query that is shipped with it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import NamedTuple

import grpc
import httpx
import promql_parser as promql
import pytest
import yaml
from tests.system.promql import CUMULATIVE
from tests.system.promql import Evaluator
from tests.system.promql import Unknown
from tests.system.running import Up
from tests.system.running import eventually
from tests.system.running import scratch
from tests.system.scraping import SERVICES
from tests.system.scraping import Scrape
from tests.system.scraping import exposition
from tests.system.scraping import scrape

from qbrixproto import common_pb2
from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "helm" / "qbrix" / "files"
PANELS = json.loads((FILES / "dashboard.json").read_text())["panels"]
SHOWN = [
    (panel["title"], target["expr"].replace("$__rate_interval", "5m"))
    for panel in PANELS
    for target in panel["targets"]
]
ALERTS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
LABELS = {
    *("call", "wire", "outcome", "code", "policy", "decision", "cache", "of"),
    *("way", "shard", "le", "instance", "to"),
}
SELECTS = 60


class Watched(NamedTuple):
    """A system, and scrapes of it before and after its traffic."""

    up: Up
    experiment: str
    before: Scrape
    after: Scrape

    @property
    def ask(self) -> Evaluator:
        """Answers queries about the traffic."""
        return Evaluator(self.before, self.after)

    def grown(self, name: str, **labels: str) -> float:
        """By how much a number has grown."""
        return self.after.value(name, **labels) - self.before.value(name, **labels)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    up = Up(scratch(), PROXY_HTTP_WORKERS="2")
    try:
        up.start()
        # each worker has told of itself
        eventually(lambda: scrape(up, ["PROXY"]).value("qbrix_proxy_workers") == 2)
        before = scrape(up)
        experiment = traffic(up)
        eventually(lambda: told(scrape(up), before))
        yield Watched(up, experiment, before, scrape(up))
    finally:
        up.put_away()


def traffic(up: Up) -> str:
    """Selects, feedback and mistakes on both wires; the experiment they are of."""
    with up.client() as api:
        arms = [{"name": "a"}, {"name": "b"}]
        pool = api.post("/pools", json={"name": "watched", "arms": arms}).json()["id"]
        body = {"name": "watched", "pool_id": pool, "policy": "UCB1TunedPolicy"}
        experiment = str(api.post("/experiments", json=body).json()["id"])
    for number in range(SELECTS):
        # a connection stays with a worker: another one each time
        with up.client() as api:
            chosen = select(api, experiment, number)
            reward = {"request_id": chosen["request_id"], "reward": 1}
            for _ in range(2 if number == 0 else 1):
                assert api.post("/agent/feedback", json=reward).status_code == 201
    with up.client() as api:
        assert api.post("/agent/select", json={}).status_code == 422
        assert api.get("/pools/none-such").status_code == 404
        missing = {"experiment_id": "none-such", "context": {"id": "a"}}
        assert api.post("/agent/select", json=missing).status_code == 404
    target = up.credentials["grpc_url"].removeprefix("grpc://")
    with grpc.insecure_channel(target) as channel:
        context = common_pb2.Context(id="a")
        ask = proxy_pb2.SelectRequest(experiment_id=experiment, context=context)
        key = (("x-api-key", up.credentials["api_key"]),)
        ProxyServiceStub(channel).Select(ask, metadata=key, timeout=10)
        with pytest.raises(grpc.RpcError):
            ProxyServiceStub(channel).Select(ask, timeout=10)
    return experiment


def select(api: httpx.Client, experiment: str, number: int) -> dict[str, Any]:
    context = {"id": f"visitor-{number}"}
    body = {"experiment_id": experiment, "context": context}
    answer = api.post("/agent/select", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def told(now: Scrape, before: Scrape) -> bool:
    """Whether the last of the traffic has arrived everywhere."""

    def grown(name: str, **labels: str) -> float:
        return now.value(name, **labels) - before.value(name, **labels)

    return (
        grown("qbrix_cortex_events_total", outcome="learned") == SELECTS
        and grown("qbrix_proxy_selections_total") == SELECTS + 1
        and grown("qbrix_proxy_errors_total", wire="grpc") == 1
        and now.value("qbrix_cortex_owner") == 1
        and now.value("qbrix_cortex_waiting_events") == 0
    )


def test_one_scrape_has_what_every_worker_did(watched: Watched) -> None:
    grown = watched.grown
    for call, done in (("select", SELECTS), ("feedback", SELECTS + 1)):
        name, of = "qbrix_proxy_requests_total", {"wire": "http", "call": call}
        assert grown(name, outcome="ok", **of) == done
        refused = 2 if call == "select" else 0
        assert grown("qbrix_proxy_request_seconds_count", **of) == done + refused
    of = {"wire": "grpc", "call": "select"}
    assert grown("qbrix_proxy_requests_total", outcome="ok", **of) == 1
    assert grown("qbrix_proxy_requests_total", outcome="refused", **of) == 1
    assert watched.after.value("qbrix_proxy_workers") == 2
    assert watched.after.value("qbrix_proxy_motor_streams") == 2


def test_errors_are_counted_by_their_code(watched: Watched) -> None:
    errors = "qbrix_proxy_errors_total"
    for code in ("UNPROCESSABLE", "POOL_NOT_FOUND", "EXPERIMENT_NOT_FOUND"):
        assert watched.grown(errors, wire="http", code=code) == 1
    assert watched.grown(errors, wire="grpc", code="UNAUTHENTICATED") == 1


def test_what_was_decided_and_learned_is_counted(watched: Watched) -> None:
    grown = watched.grown
    policy = {"policy": "UCB1TunedPolicy"}
    chosen = {**policy, "decision": "policy"}
    assert grown("qbrix_proxy_selections_total", **chosen) == SELECTS + 1
    assert grown("qbrix_motor_selections_total", **policy) == SELECTS + 1
    assert grown("qbrix_motor_frame_selects_sum") == SELECTS + 1
    assert grown("qbrix_proxy_feedback_total", outcome="new") == SELECTS
    assert grown("qbrix_proxy_feedback_total", outcome="repeated") == 1
    assert grown("qbrix_proxy_append_events_sum") == SELECTS + 1
    assert grown("qbrix_cortex_batch_events_sum") == SELECTS
    assert watched.after.value("qbrix_cortex_waiting_events") == 0


def test_labels_are_few_and_of_nobody(watched: Watched) -> None:
    for family in watched.after.families.values():
        for sample in family.samples:
            assert set(sample.labels) <= LABELS
    said = "".join(exposition(watched.up, service) for service in SERVICES)
    made = watched.up.credentials
    for secret in (watched.experiment, made["api_key"], made["email"], "watched"):
        assert secret not in said


def test_callers_are_told_nothing_of_it(watched: Watched) -> None:
    url = watched.up.credentials["http_url"]
    answer = httpx.get(f"{url}/metrics", trust_env=False)
    assert answer.status_code == 404


def test_the_greeting_says_where_they_are(watched: Watched) -> None:
    for service in SERVICES:
        port = watched.up.environ[f"{service}_METRICS_PORT"]
        assert f"http://127.0.0.1:{port}/metrics" in watched.up.greeting


@pytest.mark.parametrize(("title", "query"), SHOWN)
def test_a_query_of_the_dashboard_returns_data(
    watched: Watched, title: str, query: str
) -> None:
    found = watched.ask.vector(query)
    assert found
    assert all(math.isfinite(value) for value in found.values()), found


@pytest.mark.parametrize("alert", ALERTS)
def test_what_an_alert_compares_is_there_and_is_well(
    watched: Watched, alert: str
) -> None:
    fires = watched.ask.vector(ALERTS[alert])
    # how long things take is for no test to say
    assert not fires or alert in ("QbrixSelectsSlow", "QbrixLearnsLate")
    parsed = promql.parse(ALERTS[alert])
    if str(parsed.op) == "or":
        # what is said to be absent; the whole of it was evaluated above
        return
    found = watched.ask.vector(parsed.lhs)
    assert found
    assert all(math.isfinite(value) for value in found.values()), found


@pytest.mark.parametrize(
    "query",
    [
        "sum(qbrix_proxy_wrokers)",
        'sum(rate(qbrix_proxy_requests_total{outcom="failed"}[5m]))',
        'sum(rate(qbrix_proxy_requests_total{outcome="good"}[5m]))',
        "sum by (polcy) (rate(qbrix_proxy_selections_total[5m]))",
        "rate(qbrix_proxy_workers[5m])",
        "histogram_quantile(0.5, sum(rate(qbrix_motor_frame_seconds_bucket[5m])))",
    ],
)
def test_a_query_of_what_is_not_there_is_found_out(
    watched: Watched, query: str
) -> None:
    with pytest.raises(Unknown):
        watched.ask(query)


def test_no_sum_goes_back_when_a_worker_is_killed(watched: Watched) -> None:
    up = watched.up
    proxy = up.service("proxy")
    assert proxy is not None
    workers = proxy.children()
    assert len(workers) == 2
    # one of them answers for both
    for worker in workers:
        before = scrape(up, ["PROXY"])
        worker.kill()
        eventually(lambda: is_whole(up))
        after = scrape(up, ["PROXY"])
        for name in before.vectors:
            if name.endswith(CUMULATIVE):
                for labels, value in before.vectors[name].items():
                    assert after.vectors[name][labels] >= value


def is_whole(up: Up) -> bool:
    """Whether both workers can be told of, by one of them."""
    try:
        return scrape(up, ["PROXY"]).value("qbrix_proxy_workers") == 2
    except httpx.TransportError:
        return False


def test_the_page_lists_every_metric_and_no_other(watched: Watched) -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(
        r"^\| `(qbrix_\w+)` \| (\w+) \| (.*?) \| (.+?) \|$", text, re.MULTILINE
    )
    found = {
        (
            family.name,
            family.type,
            ", ".join(f"`{name}`" for name in labels_of(family)),
            family.documentation.rstrip("."),
        )
        for family in watched.after.families.values()
    }
    assert set(rows) == found


def labels_of(family: Any) -> list[str]:
    return sorted(set(family.samples[0].labels) - {"le"})
