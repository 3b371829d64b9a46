"""What a person can do next, as commands that work as they stand."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from qbrixcli.welcome import Welcome

JSON = "Content-Type: application/json"
LAST = "Ctrl-C stops everything; what was learned is kept"


def greeting(welcome: Welcome, file: Path) -> str:
    """Addresses, credentials on the first start, and a select and a feedback."""
    lines = ["qbrix is ready"]
    made = welcome.credentials
    if made is None:
        lines.append(f"  {file} is gone: the admin and key it held are still valid")
        return "\n".join([*lines, "", LAST])
    lines += [f"  REST      {made.http_url}", f"  gRPC      {made.grpc_url}"]
    lines += [f"  metrics   {url}" for url in welcome.metrics]
    if welcome.is_first:
        lines += [
            f"  admin     {made.email}",
            f"  password  {made.password}",
            f"  API key   {made.api_key}",
            f"  shown only now, kept in {file}",
        ]
    else:
        lines.append(f"  admin and API key are in {file}")
    if welcome.experiment is not None:
        trusted = welcome.certificate
        select = select_line(made.http_url, welcome.experiment, file, trusted)
        lines += ["", "choose an arm:", f"  {select}"]
        feedback = feedback_line(made.http_url, select, file, trusted)
        lines += ["", "choose one and reward it:", f"  {feedback}"]
    return "\n".join([*lines, "", LAST])


def select_line(
    http_url: str, experiment: str, file: Path, certificate: Path | None = None
) -> str:
    """A select of the quickstart."""
    body = json.dumps({"experiment_id": experiment, "context": {"id": "visitor-1"}})
    return (
        f"{_curl(certificate)} {http_url}/api/v1/agent/select"
        f' -H "X-API-Key: {_field("api_key", file)}" -H {shlex.quote(JSON)}'
        f" -d {shlex.quote(body)}"
    )


def feedback_line(
    http_url: str, select: str, file: Path, certificate: Path | None = None
) -> str:
    """A feedback for a select made inside."""
    token = f"$({select} | sed -E {shlex.quote(_pattern('request_id'))})"
    body = f'"{{\\"request_id\\":\\"{token}\\",\\"reward\\":1}}"'
    return (
        f"{_curl(certificate)} {http_url}/api/v1/agent/feedback"
        f' -H "X-API-Key: {_field("api_key", file)}" -H {shlex.quote(JSON)}'
        f" -d {body}"
    )


def _curl(certificate: Path | None) -> str:
    if certificate is None:
        return "curl -s"
    return f"curl -s --cacert {shlex.quote(str(certificate.absolute()))}"


def _field(name: str, file: Path) -> str:
    return f"$(sed -nE {shlex.quote(_pattern(name) + 'p')} {shlex.quote(str(file))})"


def _pattern(name: str) -> str:
    return f's/.*"{name}": *"([^"]*)".*/\\1/'
