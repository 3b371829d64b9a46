"""What the chart renders, read as Kubernetes would read it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "helm" / "qbrix"
RELEASE = "test-qbrix"

Manifest = dict[str, Any]


class Container(msgspec.Struct, frozen=True):
    """One container of a workload, with its variables resolved."""

    pod: str
    spec: Manifest
    variables: dict[str, str]
    grace: int

    @property
    def command(self) -> list[str]:
        """What runs in it, given that the images' entry point becomes its arguments."""
        return [*self.spec.get("command", ()), *self.spec["args"]]

    def port(self, name: str | int) -> int:
        """A port by its name."""
        ports = {port["name"]: port["containerPort"] for port in self.spec["ports"]}
        return name if isinstance(name, int) else int(ports[name])


def template(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``helm template`` of the chart."""
    command = [helm, "template", RELEASE, str(CHART), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def manifests(helm: str, *arguments: str) -> list[Manifest]:
    """Everything that the chart renders."""
    rendered = template(helm, *arguments)
    assert rendered.returncode == 0, rendered.stderr
    loaded = yaml.load_all(rendered.stdout, yaml.CSafeLoader)
    return [manifest for manifest in loaded if manifest]


def of_kind(found: Sequence[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of one kind, by name."""
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def pods(found: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Component and pod spec of every workload, hooks and tests included."""
    for each in found:
        component = each["metadata"]["labels"]["app.kubernetes.io/component"]
        if each["kind"] == "Pod":
            yield component, each["spec"]
        elif "template" in each.get("spec", {}):
            yield component, each["spec"]["template"]["spec"]


def containers(found: Sequence[Manifest]) -> dict[str, Container]:
    """The container of each workload, by component."""
    return {
        component: Container(
            f"{RELEASE}-{component}-0",
            container,
            _variables(found, container, f"{RELEASE}-{component}-0"),
            spec.get("terminationGracePeriodSeconds", 30),
        )
        for component, spec in pods(found)
        for container in spec["containers"]
    }


def _variables(
    found: Sequence[Manifest], container: Manifest, pod: str
) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        name = source["configMapRef"]["name"]
        variables |= of_kind(found, "ConfigMap")[name]["data"]
    for entry in container.get("env", ()):
        variables[entry["name"]] = _value(found, entry, pod)
    return variables


def _value(found: Sequence[Manifest], entry: Manifest, pod: str) -> str:
    match entry:
        case {"value": str(value)}:
            return value
        case {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}:
            return pod
        case {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}:
            secret = of_kind(found, "Secret").get(name)
            # one that exists beforehand is not rendered
            encoded = secret["data"][key] if secret else ""
            return base64.b64decode(encoded).decode()
    raise AssertionError(f"a variable from nowhere: {entry}")
