"""Whatever the OpenAPI document allows and forbids, sent to a running system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
from tests.system.running import Up

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EVERYTHING = ("--max-examples", "4", "--max-time", "25")
AGENT = ("--include-path-regex", "^/api/v1/agent/", "--max-examples", "12")
SELECT = "POST /api/v1/agent/select"
FEEDBACK = "POST /api/v1/agent/feedback"

Statuses = dict[str, Counter[int]]


def known(up: Up, client: httpx.Client) -> dict[str, str]:
    """What requests may name so that they get far."""
    context = {"experiment_id": up.experiment, "context": {"id": "somebody"}}
    token = client.post("/agent/select", json=context).json()["request_id"]
    experiment = client.get(f"/experiments/{up.experiment}").json()
    arm = experiment["pool"]["arms"][0]["id"]
    return {
        "experiment_id": up.experiment,
        "pool_id": experiment["pool_id"],
        "arm_id": arm,
        "request_id": token,
    }


def kept(client: httpx.Client) -> list[str]:
    """Ids of the credentials in use."""
    auth = str(client.base_url).replace("/api/v1/", "/auth")
    keys = client.get(f"{auth}/api-keys").json()
    return [client.get(f"{auth}/profile").json()["id"], *(key["id"] for key in keys)]


def fuzz(up: Up, client: httpx.Client, reports: Path, *options: str) -> Statuses:
    """What each operation answered how often. Fails if any answer was wrong."""
    reports.mkdir()
    names = known(up, client)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            f"{up.credentials['http_url']}/openapi.json",
            *("--header", f"X-API-Key: {up.credentials['api_key']}"),
            *("--phases", "coverage,fuzzing", "--no-shrink", "--continue-on-failure"),
            *options,
            *("--checks", ",".join(CHECKS), "--warnings", "off", "--no-color"),
            *("--report", "ndjson", "--report-dir", str(reports)),
            *("--generation-database", "none"),
        ],
        cwd=reports,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "127.0.0.1",
            "SCHEMATHESIS_HOOKS": "tests.system.schemathesis_hooks",
            "FUZZ_KNOWN": json.dumps(names),
            "FUZZ_KEPT": json.dumps([*names.values(), *kept(client)]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = statuses(reports)
    assert not any(status >= 500 for one in counted.values() for status in one)
    return counted


def statuses(reports: Path) -> Statuses:
    """What each operation answered how often."""
    counted: Statuses = {}
    [report] = reports.glob("ndjson*")
    with report.open() as lines:
        for line in lines:
            finished = json.loads(line).get("ScenarioFinished")
            if finished is None:
                continue
            recorder = finished["recorder"]
            counts = counted.setdefault(recorder["label"], Counter())
            for exchange in recorder.get("interactions", {}).values():
                if exchange["response"] is not None:
                    counts[exchange["response"]["status_code"]] += 1
    return counted


def test_no_request_breaks_it(fresh: Callable[..., Up], tmp_path: Path) -> None:
    # a machine that is busy with tests is slow, which is nobody's fault
    up = fresh(PROXY_REQUEST_TIMEOUT_MS="20000").start()
    with up.client() as client:
        agent = fuzz(up, client, tmp_path / "agent", *AGENT)
        # it really decided and learned, and was sent what it must refuse
        for operation, answers in ((SELECT, (200, 422)), (FEEDBACK, (201, 400, 422))):
            for status in answers:
                assert agent[operation][status] >= 2, agent[operation]
        counted = fuzz(up, client, tmp_path / "everything", *EVERYTHING)
        document = client.get(f"{up.credentials['http_url']}/openapi.json").json()
        operations = {
            f"{method.upper()} {path}"
            for path, methods in document["paths"].items()
            for method in methods
        }
        assert operations <= counted.keys()
    log = up.log.read_text()
    assert "unexpected error" not in log
    assert "Traceback" not in log
