"""Under which name a worker counts a call."""

from __future__ import annotations

import pytest
from tests.proxy.test_document import ROUTES

from proxysvc.metrics import AGENT
from proxysvc.metrics import AREAS
from proxysvc.metrics import ProxyMetrics
from qbrixproto import auth_pb2
from qbrixproto import proxy_pb2
from qbrixserving.metrics.calls import Call

HOT = "/api/v1/agent/"
PATHS = sorted({path for path, _, _ in ROUTES if not path.startswith(HOT)})
METHODS = [
    f"/{service.full_name}/{method.name}"
    for file in (proxy_pb2.DESCRIPTOR, auth_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
]


@pytest.fixture
def metrics() -> ProxyMetrics:
    return ProxyMetrics()


def name_of(metrics: ProxyMetrics, call: Call | None) -> str:
    """What was counted when a call of this kind was."""
    assert call is not None
    before = list(metrics.sheet.cells)
    call.ok(0.0)
    [requests] = [f for f in metrics.sheet.families if f.name.endswith("_requests")]
    [found] = [
        values
        for values, at in requests.places.items()
        if metrics.sheet.cells[at] != before[at]
    ]
    wire, name, outcome = found
    assert outcome == "ok"
    return f"{wire} {name}"


@pytest.mark.parametrize("path", PATHS)
def test_every_route_has_a_name(metrics: ProxyMetrics, path: str) -> None:
    wire, name = name_of(metrics, metrics.area(path)).split()
    assert wire == "http"
    assert name in AREAS
    assert name != "other"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_name(metrics: ProxyMetrics, method: str) -> None:
    wire, name = name_of(metrics, metrics.meter(method)).split()
    assert wire == "grpc"
    assert name in (*AGENT, *AREAS)
    assert name != "other"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/pools/p-1/arms", "pools"),
        ("/api/v1/experiments/e-1/versions", "experiments"),
        ("/api/auth/login", "auth"),
        ("/docs/page.js", "service"),
        ("/api/v1/", "other"),
        ("/api/v1/poolsandmore", "other"),
        ("/wp-login.php", "other"),
    ],
)
def test_a_path_is_counted_as(metrics: ProxyMetrics, path: str, name: str) -> None:
    assert name_of(metrics, metrics.area(path)) == f"http {name}"


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("/qbrix.proxy.ProxyService/Select", "select"),
        ("/qbrix.proxy.ProxyService/ListPoolExperiments", "experiments"),
        ("/qbrix.proxy.ProxyService/CreateGateConfig", "gates"),
        ("/qbrix.auth.AuthService/CreateAPIKey", "auth"),
        ("/grpc.health.v1.Health/Check", "service"),
    ],
)
def test_a_method_is_counted_as(metrics: ProxyMetrics, method: str, name: str) -> None:
    assert name_of(metrics, metrics.meter(method)) == f"grpc {name}"
