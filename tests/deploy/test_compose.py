"""docker-compose.yml and what belongs to it: valid, and of variables that exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from tests.deploy.conftest import load
from tests.deploy.test_chart import ALL
from tests.deploy.test_chart import KNOWN
from tests.deploy.test_chart import ROOT
from tests.deploy.test_chart import settings_of

OURS = ("migrate", "motor", "cortex", "proxy")
TARGETS = {"migrate": "cli"}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
USED = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


def test_compose_is_valid(check: ModuleType) -> None:
    validate = check.tool("check-jsonschema")
    if validate is None:
        pytest.skip("check-jsonschema is missing: make test fetches it")
    schema = ("--builtin-schema", "vendor.compose-spec")
    ran = subprocess.run(
        [validate, *schema, str(ROOT / "docker-compose.yml")],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout


def test_an_invalid_file_is_found(check: ModuleType, tmp_path: Path) -> None:
    validate = check.tool("check-jsonschema")
    if validate is None:
        pytest.skip("check-jsonschema is missing: make test fetches it")
    wrong = {**COMPOSE, "services": {"proxy": {"imagine": "qbrix/proxy"}}}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    schema = ("--builtin-schema", "vendor.compose-spec")
    ran = subprocess.run([validate, *schema, str(tmp_path / "wrong.json")])
    assert ran.returncode != 0


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_exists(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= KNOWN.get(name, ALL)


def test_every_variable_that_is_filled_in_exists_and_is_explained() -> None:
    used = set(USED.findall((ROOT / "docker-compose.yml").read_text()))
    text = (ROOT / ".env.example").read_text()
    explained = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert used == set(explained)
    assert used <= ALL


def test_the_example_has_no_secret() -> None:
    text = (ROOT / ".env.example").read_text()
    secrets = re.findall(r"^[A-Z_]*(?:PASSWORD|SECRET)[A-Z_]*=(.*)$", text, re.M)
    assert secrets
    assert not any(secrets)


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_built_from_a_stage_of_the_dockerfile(name: str) -> None:
    target = SERVICES[name]["build"]["target"]
    assert target == TARGETS.get(name, name)
    assert re.search(rf"^FROM \w+ AS {target}$", DOCKERFILE, re.MULTILINE)
    version = load("docker/build.py").version()
    assert SERVICES[name]["image"] == f"qbrix/{target}:{version}"


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_until_what_it_needs_is_healthy(name: str) -> None:
    for needed, how in SERVICES[name]["depends_on"].items():
        ends = needed == "migrate"
        wanted = "service_completed_successfully" if ends else "service_healthy"
        assert how["condition"] == wanted
        assert ends or SERVICES[needed]["healthcheck"]["test"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_hosts_are_names_of_services() -> None:
    for name in OURS:
        for variable, value in SERVICES[name]["environment"].items():
            if variable.endswith("_HOST"):
                assert value in SERVICES, variable
    assert COMPOSE["networks"]["inside"]["internal"] is True
    published = {name for name, one in SERVICES.items() if "ports" in one}
    assert published == {"proxy", "prometheus"}
    for name in published:
        assert all(one.startswith("127.0.0.1:") for one in SERVICES[name]["ports"])
    # callers of the proxy do not reach its metrics
    assert not [one for one in SERVICES["proxy"]["ports"] if one.endswith(":9450")]


def test_prometheus_scrapes_every_service_where_it_listens() -> None:
    told = yaml.safe_load((ROOT / "docker" / "prometheus.yml").read_text())
    [job] = told["scrape_configs"]
    targets = {one["names"][0]: one["port"] for one in job["dns_sd_configs"]}
    assert targets == {
        name: settings_of(name)().metrics_port for name in ("proxy", "motor", "cortex")
    }
    [_, rules, _] = SERVICES["prometheus"]["volumes"]
    source, inside, _ = rules.split(":")
    assert (ROOT / source).is_file()
    assert inside.rpartition("/")[2] in told["rule_files"]
    assert SERVICES["prometheus"]["profiles"] == ["watch"]


def test_hadolint_finds_nothing(check: ModuleType) -> None:
    hadolint = check.tool("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is missing: make test fetches it for Linux on x86-64")
    ran = subprocess.run(
        [hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", ["proxy", "motor", "cortex"])
def test_variables_of_an_image_exist(name: str) -> None:
    stage = re.search(
        rf"^FROM \w+ AS {name}$(.*?)(?=^FROM|\Z)", DOCKERFILE, re.M | re.S
    )
    assert stage is not None
    set_here = re.findall(r"\b((?:PROXY|MOTOR|CORTEX|QBRIX)_[A-Z_]+)[=:]", stage[1])
    assert set_here
    assert set(set_here) <= KNOWN[name]
    assert "USER 10001:10001" in stage[1]
    assert "HEALTHCHECK" in stage[1]
