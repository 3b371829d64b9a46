"""The chart under all its values: valid, confined, complete and documented."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
import yaml
from tests.deploy.rendered import CHART
from tests.deploy.rendered import ROOT
from tests.deploy.rendered import Container
from tests.deploy.rendered import Manifest
from tests.deploy.rendered import containers
from tests.deploy.rendered import manifests
from tests.deploy.rendered import of_kind
from tests.deploy.rendered import pods
from tests.deploy.rendered import template

from qbrixserving.settings import describe
from qbrixserving.settings import read_settings

SERVICES = ("proxy", "motor", "cortex")
STORES = ("postgres", "redis")
LOGGING = {"LOG_LEVEL", "LOG_FORMAT"}
VALUES = {
    "dev": CHART / "values-dev.yaml",
    "example": CHART / "values-example.yaml",
    "everything": ROOT / "tests" / "deploy" / "everything.yaml",
    "sentinels": ROOT / "tests" / "deploy" / "sentinels.yaml",
}


def settings_of(service: str) -> Any:
    """The struct that a service reads its environment into."""
    module = importlib.import_module(f"{service}svc.settings")
    return getattr(module, f"{service.title()}Settings")


def variables(service: str) -> set[str]:
    """What a service reads from its environment."""
    prefix = service.upper()
    rows = describe(settings_of(service), f"{prefix}_")
    return {row.name for row in rows} | LOGGING | {f"{prefix}_LOG_LEVEL", "QBRIX_ENV"}


KNOWN = {service: variables(service) for service in SERVICES}
ALL = set().union(*KNOWN.values())


def addable(service: str) -> set[str]:
    """What the schema lets ``config`` of a service have."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    config = schema["properties"][service]["properties"]["config"]
    return set(config["propertyNames"]["enum"])


@pytest.fixture(scope="module", params=VALUES)
def found(request: pytest.FixtureRequest, helm: str) -> list[Manifest]:
    return manifests(helm, "-f", str(VALUES[request.param]))


@pytest.fixture(scope="module")
def each(found: list[Manifest]) -> dict[str, Container]:
    return containers(found)


def test_helm_and_kubernetes_find_nothing_wrong(
    helm: str, check: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    if check.tool("kubernetes-validate") is None:
        pytest.skip("kubernetes-validate is missing: make helm-lint fetches it")
    assert check.main() == 0, capsys.readouterr().out


def test_kubernetes_validate_finds_what_is_wrong(
    helm: str, check: ModuleType, tmp_path: Path
) -> None:
    validate = check.tool("kubernetes-validate")
    if validate is None:
        pytest.skip("kubernetes-validate is missing: make helm-lint fetches it")
    values = tmp_path / "wrong.yaml"
    # what values.schema.json lets through because it is for kubernetes to say
    values.write_text("toolbox: {enabled: true, resources: {request: {cpu: 1}}}\n")
    joined = {**yaml.safe_load(VALUES["example"].read_text())}
    joined |= yaml.safe_load(values.read_text())
    values.write_text(yaml.safe_dump(joined))
    [problem, *_] = check.check(helm, validate, values)
    assert "request" in problem


def test_every_variable_of_a_workload_exists(each: dict[str, Container]) -> None:
    for component, container in each.items():
        if component not in STORES:
            known = KNOWN.get(component, ALL)
            assert set(container.variables) <= known, component


@pytest.mark.parametrize("values", ["dev", "example", "sentinels"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_would_start_with_its_variables(
    helm: str, service: str, values: str
) -> None:
    each = containers(manifests(helm, "-f", str(VALUES[values])))
    given = each[service].variables
    # what is in a secret of somebody's own
    read = {name: value or uuid4().hex for name, value in given.items()}
    settings = read_settings(settings_of(service), f"{service.upper()}_", read)
    assert settings.redis.password == read[f"{service.upper()}_REDIS_PASSWORD"]


def test_every_variable_that_can_be_added_exists() -> None:
    for service in SERVICES:
        assert addable(service) <= KNOWN[service]


def test_no_variable_can_be_added_that_the_chart_sets_itself(helm: str) -> None:
    maps = of_kind(manifests(helm, "-f", str(VALUES["dev"])), "ConfigMap")
    for service in SERVICES:
        [data] = [each["data"] for name, each in maps.items() if service in name]
        assert not set(data) & addable(service)


def test_every_pod_is_confined(found: list[Manifest]) -> None:
    for component, pod in pods(found):
        outer = pod["securityContext"]
        assert pod["automountServiceAccountToken"] is False, component
        assert outer["runAsNonRoot"] is True
        assert outer["runAsUser"] == 10001
        assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            inner = container["securityContext"]
            assert inner["allowPrivilegeEscalation"] is False
            assert inner["readOnlyRootFilesystem"] is True
            assert inner["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]


def test_every_service_is_probed_and_may_finish(each: dict[str, Container]) -> None:
    for service in SERVICES:
        spec = each[service].spec
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert {"httpGet", "grpc"} & set(spec[probe])
        before = spec.get("lifecycle", {}).get("preStop", {})
        seconds = before.get("sleep", {}).get("seconds", 0)
        # grpc waits 8 s for calls, the proxy's workers are killed after 9
        assert each[service].grace >= seconds + 10


def test_motors_are_found_one_by_one(found: list[Manifest]) -> None:
    services = of_kind(found, "Service")
    [(name, motor)] = [
        (name, one) for name, one in services.items() if name.endswith("-motor")
    ]
    assert motor["spec"]["clusterIP"] == "None"
    proxy = containers(found)["proxy"]
    assert proxy.variables["PROXY_MOTOR_HOST"] == name
    port = str(motor["spec"]["ports"][0]["port"])
    assert proxy.variables["PROXY_MOTOR_PORT"] == port


def test_cortex_is_named_after_its_pod(found: list[Manifest]) -> None:
    [cortex] = [
        one
        for name, one in of_kind(found, "StatefulSet").items()
        if name.endswith("-cortex")
    ]
    assert cortex["spec"]["podManagementPolicy"] == "Parallel"
    container = containers(found)["cortex"]
    assert container.variables["CORTEX_CONSUMER_NAME"] == container.pod
    scaled = of_kind(found, "HorizontalPodAutoscaler").values()
    assert not [one for one in scaled if "cortex" in one["metadata"]["name"]]


def test_only_the_proxy_and_who_watches_reach_motor_and_cortex(
    found: list[Manifest],
) -> None:
    policies = of_kind(found, "NetworkPolicy")
    for name, policy in policies.items():
        for rule in policy["spec"]["ingress"]:
            ports = {one["port"] for one in rule["ports"]}
            if name.endswith("-proxy") and "metrics" not in ports:
                continue
            named = [peer.get("podSelector", {}) for peer in rule["from"]]
            labels = [peer.get("matchLabels", {}) for peer in named]
            names = {one.get("app.kubernetes.io/component") for one in labels}
            # metrics are only for who watches
            callers = set() if "metrics" in ports else {"proxy", "test"}
            assert names <= callers | {None}
            assert all(any(peer.values()) for peer in rule["from"])


def test_secrets_are_never_in_a_config_map(found: list[Manifest]) -> None:
    for config in of_kind(found, "ConfigMap").values():
        secret = [n for n in config["data"] if re.search("PASSWORD|SECRET", n)]
        assert not secret


def test_a_migration_needs_nothing_that_is_installed_after_it(
    found: list[Manifest],
) -> None:
    [job] = of_kind(found, "Job").values()
    hooks = job["metadata"]["annotations"]["helm.sh/hook"].split(",")
    assert "pre-upgrade" in hooks
    stateful = of_kind(found, "StatefulSet")
    has_postgres = any(name.endswith("-postgres") for name in stateful)
    assert ("post-install" in hooks) == has_postgres
    if has_postgres:
        return
    [container] = job["spec"]["template"]["spec"]["containers"]
    needed = {
        entry["valueFrom"]["secretKeyRef"]["name"]
        for entry in container["env"]
        if "valueFrom" in entry
    }
    for name, secret in of_kind(found, "Secret").items():
        if name in needed:
            assert "pre-install" in secret["metadata"]["annotations"]["helm.sh/hook"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("global.postgres.host=", "global.postgres.host: "),
        ("global.postgres.existingSecret=", "global.postgres.password: "),
        ("global.redis.host=", "global.redis.host: "),
        ("global.redis.existingSecret=", "global.redis.password: "),
        ("proxy.secrets.existingSecret=", "proxy.secrets.tokenSecretKeys: "),
        ("proxy.replica=3", "'replica'"),
        ("proxy.config.PROXY_HTTP_WORKER=3", "'PROXY_HTTP_WORKER'"),
        ("global.env=staging", "/global/env"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: str, value: str, said: str) -> None:
    example = ("-f", str(VALUES["example"]))
    refused = template(helm, *example, f"--set-string={value}")
    assert refused.returncode != 0
    assert said in refused.stderr


def leaves(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by its whole name; an empty map is one, and so are resources."""
    for name, value in values.items():
        inside = isinstance(value, dict) and value and name != "resources"
        if inside:
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def defaults() -> dict[str, Any]:
    found = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text())))
    for service in SERVICES:
        text = (CHART / "charts" / service / "values.yaml").read_text()
        found |= dict(leaves(yaml.safe_load(text), f"{service}."))
    return found


def test_the_readme_lists_every_value_with_its_default() -> None:
    text = (ROOT / "helm" / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z][\w.]+)` \| (.*?) \| ", text, re.MULTILINE))
    assert set(rows) == set(defaults())
    for name, default in defaults().items():
        shown = rows[name].strip("`")
        assert ((yaml.safe_load(shown) if shown else None) or None) == (default or None)


def test_the_schema_knows_every_value() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    for name in defaults():
        node = schema
        for part in name.split("."):
            node = node["properties"][part]
        assert node["description"], name
