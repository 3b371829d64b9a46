"""House rules that no linter knows."""

from __future__ import annotations

import ast
import importlib
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from qbrixserving.settings import describe

ROOT = Path(__file__).resolve().parent.parent
CODE = ("kernels", "src", "services")
REST = ("bench", "chaos", "loadtest", "docker", "helm", "proto", "tests", "docs", ".ci")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}
VAGUE_CLASS = re.compile(r"(Manager|Helper|Helpers|Impl|Utils?)$|^I[A-Z][a-z]")
PUBLIC_BASES = {
    "BaseCallback",
    "BaseParamBackend",
    "BaseParamState",
    "BasePolicy",
    "BaseProtocol",
}
LONGEST = 300
MEDIAN = 90


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


TRACKED = _tracked()


def _python(*folders: str) -> Iterator[Path]:
    for path in TRACKED:
        inside = path.relative_to(ROOT).parts[0] in folders
        if inside and path.suffix == ".py" and "_pb2" not in path.name:
            yield path


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


SOURCES = list(_python(*CODE))
EVERY = list(_python(*CODE, *REST))
each_source = pytest.mark.parametrize("path", SOURCES, ids=_name)
each_file = pytest.mark.parametrize("path", EVERY, ids=_name)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@each_file
def test_a_file_says_what_it_is_and_stays_short(path: Path) -> None:
    assert ast.get_docstring(_tree(path)), "no docstring"
    assert path.read_text().count("\n") <= LONGEST


def test_half_of_the_files_are_really_short() -> None:
    lengths = [path.read_text().count("\n") for path in SOURCES]
    assert statistics.median(lengths) < MEDIAN


def test_functions_are_short() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(_tree(path))
        if isinstance(node, kinds)
    )
    assert statistics.median(lengths) <= 8
    assert lengths[int(0.95 * len(lengths))] <= 25


@each_file
def test_a_file_with_code_has_postponed_annotations(path: Path) -> None:
    body = _tree(path).body[1:]
    future = [node for node in body if isinstance(node, ast.ImportFrom)][:1]
    assert not body or [node.module for node in future] == ["__future__"]


@each_file
def test_no_name_is_vague(path: Path) -> None:
    assert path.stem not in VAGUE
    assert not VAGUE & set(path.relative_to(ROOT).parts)


@each_source
def test_no_class_name_is_vague(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ClassDef):
            assert not VAGUE_CLASS.search(node.name), node.name
            assert not node.name.startswith("Base") or node.name in PUBLIC_BASES


@each_source
def test_log_messages_are_lowercase(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="logger"), attr=method),
                args=[ast.Constant(value=str(message)), *_],
            ) if method in LOG_METHODS:
                # a name of a variable may be quoted as it is written
                words = re.sub(r"\b[A-Z]+(_[A-Z]+)+\b|%[A-Za-z]", "", message)
                assert words == words.lower(), message


@each_file
def test_comments_are_lowercase(path: Path) -> None:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            first = token.string.lstrip("#! ").split(" ")[0]
            # acronyms and letters of a formula keep their case
            written_so = first.isupper() and first not in {"A", "I"}
            assert written_so or not first[:1].isupper(), token.string


# written apart, so that this file does not find itself
UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b"
)
ABSOLUTE = re.compile(r"(?<![\w.])/" + r"(work|root|home|Users)/\w")
REGISTRY = re.compile("|".join((r"pypi\." + "org", "python" + "hosted", "npm" + "js")))
NUMBERED = re.compile(r"\bissues? #?" + r"\d", re.IGNORECASE)


@pytest.mark.parametrize("path", TRACKED, ids=_name)
def test_nothing_unfinished_or_of_one_machine_is_tracked(path: Path) -> None:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for pattern in (UNFINISHED, ABSOLUTE, REGISTRY, NUMBERED):
        found = pattern.search(text)
        assert found is None, f"{found and found.group()!r}"


READS_ENVIRON = {"qbrixserving", "qbrixcli", "qbrixlog"}
STARTS = {"__main__.py", "main.py"}


@each_source
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    if READS_ENVIRON & set(path.parts) or path.name in STARTS:
        return
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attr):
                assert attr not in {"environ", "environb", "getenv"}, node.lineno
            case ast.ImportFrom(module="os", names=names):
                assert not {n.name for n in names} & {"environ", "getenv"}


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
HEAD = re.compile(r"# .+\n\n\d{4}-\d\d-\d\d, (accepted|rejected|superseded)")


@pytest.mark.parametrize("path", DECISIONS, ids=_name)
def test_a_decision_has_a_date_and_a_status(path: Path) -> None:
    assert HEAD.match(path.read_text())


def test_the_tree_is_the_one_of_the_architecture() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in TRACKED}
    folders = {name for name in folders if (ROOT / name).is_dir()}
    assert folders == {*CODE, *REST}
    mirrored = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    areas = {"kernels", "core", "store", "serving", "proxy", "motor", "cortex", "cli"}
    areas |= {"chaos", "contract", "deploy", "images", "oracle", "system"}
    assert mirrored - {"__pycache__"} == areas


NUMBA_FREE = """
import importlib, pkgutil, sys
import proxysvc
for module in pkgutil.walk_packages(proxysvc.__path__, "proxysvc."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("numba" in sys.modules)
"""


def test_the_proxy_does_not_import_numba() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NUMBA_FREE], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "False\n"


PUBLIC = """
qbrixcore.policy.stochastic.ts:BetaTSPolicy
qbrixcore.agent:Agent
qbrixcore.pool:Pool
qbrixcore.pool:Arm
qbrixcore.context:Context
qbrixcore.policy.base:BasePolicy
qbrixcore.param.state:BaseParamState
qbrixcore.callback:BaseCallback
qbrixcore.param.backend:BaseParamBackend
qbrixcore.param.backend:InMemoryParamBackend
qbrixstore.redis:RedisParamBackend
qbrixstore.redis:RedisClient
qbrixstore.redis:RedisStreamPublisher
qbrixstore.redis:RedisStreamConsumer
qbrixstore.redis:FeedbackEvent
qbrixstore.postgres:get_session
qbrixstore.postgres:init_db
qbrixlog:configure_logging
qbrixlog:get_logger
qbrixlog:request_context
""".split()
STUBS = [
    f"qbrixproto.{name}_pb2{kind}"
    for name in ("common", "motor", "proxy", "cortex", "auth")
    for kind in ("", "_grpc")
]
ALIASES = {
    "qbrixcore.protoc.base:BaseProtocol": "qbrixcore.policy.base:BasePolicy",
    "qbrixcore.protoc.stochastic.ts:BetaTSProtocol": (
        "qbrixcore.policy.stochastic.ts:BetaTSPolicy"
    ),
}


def _load(name: str) -> object:
    module, _, attribute = name.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


@pytest.mark.parametrize("name", [*PUBLIC, *STUBS])
def test_a_public_name_can_be_imported(name: str) -> None:
    assert _load(name) is not None


@pytest.mark.parametrize("name", ALIASES)
def test_an_older_name_is_the_same_class(name: str) -> None:
    assert _load(name) is _load(ALIASES[name])


OTHER_VARIABLES = {
    "LOG_FORMAT": "text",
    "LOG_LEVEL": "info",
    "PROXY_LOG_LEVEL": "",
    "MOTOR_LOG_LEVEL": "",
    "CORTEX_LOG_LEVEL": "",
    "QBRIX_DATA_DIR": ".qbrix",
}
SETTINGS = {
    "PROXY_": "proxysvc.settings:ProxySettings",
    "MOTOR_": "motorsvc.settings:MotorSettings",
    "CORTEX_": "cortexsvc.settings:CortexSettings",
    "QBRIX_": "qbrixcli.resources.settings:ClientSettings",
}


def _variables() -> dict[str, str]:
    """The default of every environment variable, by name."""
    defaults = dict(OTHER_VARIABLES)
    for prefix, name in SETTINGS.items():
        rows = describe(_load(name), prefix)  # type: ignore[arg-type]
        defaults |= {row.name: row.default for row in rows}
    return defaults


def test_the_readme_lists_every_variable_with_its_default() -> None:
    rows = re.findall(
        r"^\| *`([A-Z][A-Z_]+)`.*$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted(_variables())
    text = (ROOT / "README.md").read_text()
    for name, default in _variables().items():
        [row] = re.findall(rf"^\| *`{name}`.*$", text, re.MULTILINE)
        assert not default or f"`{default}`" in row, row
