"""The audit fails when it should, and the SBOMs are of what the Dockerfile installs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from tests.deploy.conftest import load

FINE = {"Name": "fine", "Version": "1", "License": "MIT AND PSF-2.0"}
COPYLEFT = {"Name": "strict", "Version": "2", "License": "MIT OR GPL-3.0-only"}
CLEAN = {"name": "fine", "version": "1", "vulns": []}
HOLE = {"id": "PYSEC-1", "fix_versions": ["2"]}
HOLED = {"name": "fine", "version": "1", "vulns": [HOLE]}
UNKNOWN = {"name": "fine", "skip_reason": "nobody knows"}


class Audit:
    """The audit of a world of our own, in which the programs say what they are told."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._module = load(".ci/audit.py")
        patch.setattr(self._module, "PROGRAMS", folder)
        patch.setattr(self._module, "EXCEPTIONS", folder / "exceptions.toml")
        self.say("pip-licenses", [FINE])
        self.say("pip-audit", {"dependencies": [CLEAN]})
        self.allow()

    def say(self, program: str, answer: object) -> None:
        path = self.folder / program
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
        path.chmod(0o755)

    def allow(self, vulnerabilities: str = "", licences: str = "") -> None:
        text = f"[vulnerabilities]\n{vulnerabilities}\n[licences]\n{licences}\n"
        (self.folder / "exceptions.toml").write_text(text)

    def run(self) -> int:
        code = self._module.main()
        assert isinstance(code, int)
        return code


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    return Audit(tmp_path, monkeypatch)


def test_what_is_fine_is_listed(
    audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.run() == 0
    said = capsys.readouterr().out
    assert "MIT AND PSF-2.0: fine 1" in said
    assert "vulnerabilities of 1 packages" in said


def test_a_licence_that_may_not_be_permissive_fails_it(audit: Audit) -> None:
    audit.say("pip-licenses", [FINE, COPYLEFT])
    assert audit.run() == 1
    audit.allow(licences='strict = "only used here"')
    assert audit.run() == 0


def test_a_vulnerability_fails_it(audit: Audit) -> None:
    audit.say("pip-audit", {"dependencies": [HOLED]})
    assert audit.run() == 1
    audit.allow(vulnerabilities='PYSEC-1 = "not called"')
    assert audit.run() == 0


@pytest.mark.parametrize(
    "stale", [{"licences": 'gone = "x"'}, {"vulnerabilities": 'PYSEC-9 = "x"'}]
)
def test_an_exception_that_is_not_needed_fails_it(
    audit: Audit, stale: dict[str, str]
) -> None:
    audit.allow(**stale)
    assert audit.run() == 1


def test_a_service_out_of_reach_is_told_and_fails_nothing(
    audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.say("pip-audit", {"dependencies": [UNKNOWN]})
    assert audit.run() == 0
    (audit.folder / "pip-audit").write_text("#!/bin/sh\necho no route >&2\nexit 1\n")
    assert audit.run() == 0
    said = capsys.readouterr().out
    assert said.count("NOT LOOKED FOR") == 2
    assert "no route" in said


def test_each_image_has_an_sbom_of_what_its_dockerfile_installs() -> None:
    steps = dict(load(".ci/sbom.py").steps())
    assert set(steps) == set(load("docker/build.py").TARGETS)
    for image, install in steps.items():
        assert install.startswith("--constraint requirements.lock")
        assert shlex.split(install)[-1] in {f"./services/{image}", "./src/cli"}
