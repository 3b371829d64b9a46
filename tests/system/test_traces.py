"""One trace from a request through the motor and the log to what was learned of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from tests.collector import Seen
from tests.collector import collecting
from tests.system.running import Up
from tests.system.running import scratch

from qbrixproto import common_pb2
from qbrixproto import proxy_pb2
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub

CALLER = "b7ad6b7169203331"
SELECT, FEEDBACK, RPC, QUIET = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)


@contextmanager
def running(**variables: str) -> Iterator[Up]:
    """A system that has been stopped, and not killed, when the block is left."""
    up = Up(scratch(), **variables)
    try:
        yield up.start()
        assert up.stop() == 0
    finally:
        up.put_away()


def parent(trace: str, sampled: str = "01") -> str:
    return f"00-{trace}-{CALLER}-{sampled}"


def test_a_trace_runs_through_all_services() -> None:
    with collecting() as collector:
        told = {"TRACING": "otlp", "TRACING_ENDPOINT": collector.url}
        with running(**told, TRACING_RATIO="0") as up:
            experiment = up.experiment
            with up.client() as api:
                body = {"experiment_id": experiment, "context": {"id": "somebody"}}
                quiet = {"traceparent": parent(QUIET, "00")}
                answer = api.post("/agent/select", json=body, headers=quiet)
                traced = {"traceparent": parent(SELECT)}
                answer = api.post("/agent/select", json=body, headers=traced)
                assert answer.status_code == 200, answer.text
                given = {"request_id": answer.json()["request_id"], "reward": 1}
                traced = {"traceparent": parent(FEEDBACK)}
                answer = api.post("/agent/feedback", json=given, headers=traced)
                assert answer.status_code == 201, answer.text
                answer = api.get(f"/experiments/{experiment}", headers=traced)
                assert answer.status_code == 200, answer.text
            select_by_rpc(up, experiment)
        # stopped, it has sent what it had
        selected = collector.of(SELECT)
        rewarded = collector.of(FEEDBACK)
        called = collector.of(RPC)
        assert not collector.of(QUIET)

    request = selected["proxy", "POST /api/v1/agent/select"]
    assert request.parent == CALLER
    chain(request, selected["proxy", "ask a motor"], selected["motor", "select"])
    request = rewarded["proxy", "POST /api/v1/agent/feedback"]
    assert request.parent == CALLER
    chain(request, rewarded["cortex", "learn"])
    assert ("proxy", "GET /api/v1/experiments/{experiment_id}") in rewarded
    request = called["proxy", "/qbrix.proxy.ProxyService/Select"]
    chain(request, called["proxy", "ask a motor"], called["motor", "select"])
    assert {span.trace for span in collector.spans} == {SELECT, FEEDBACK, RPC}


def chain(*spans: Seen) -> None:
    """Each is the parent of the next, and none failed."""
    for above, below in zip(spans, spans[1:], strict=False):
        assert below.parent == above.id
    assert not any(span.failed for span in spans)


def select_by_rpc(up: Up, experiment: str) -> None:
    target = up.credentials["grpc_url"].removeprefix("grpc://")
    metadata = (("x-api-key", up.credentials["api_key"]), ("traceparent", parent(RPC)))
    with grpc.insecure_channel(target) as channel:
        reply = ProxyServiceStub(channel).Select(
            proxy_pb2.SelectRequest(
                experiment_id=experiment, context=common_pb2.Context(id="somebody")
            ),
            metadata=metadata,
            timeout=20,
        )
    assert reply.request_id


def test_nothing_of_it_is_loaded_while_it_is_off() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, proxysvc.app, motorsvc.app, cortexsvc.app;"
            "print(*(m for m in sys.modules if m.startswith('opentelemetry.')))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # the redis client looks whether the metrics of the sdk are there
    ours = ("sdk.trace", "exporter", "instrumentation", "proto")
    assert not [m for m in said.stdout.split() if m.split(".", 1)[1].startswith(ours)]
