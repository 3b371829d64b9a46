"""House rules that no linter knows."""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from functools import cache
from pathlib import Path

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
Rule = Callable[[Path], Iterator[object]]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def over(paths: Sequence[Path]) -> Callable[[Rule], Callable[[], None]]:
    """A test of a rule that says what is wrong with a file; there have to be files."""

    def test_of(rule: Rule) -> Callable[[], None]:
        def test() -> None:
            assert paths
            wrong = [f"{_name(path)}: {what}" for path in paths for what in rule(path)]
            assert not wrong, "\n".join(wrong)

        return test

    return test_of


@over(EVERY)
def test_a_file_says_what_it_is_and_stays_short(path: Path) -> Iterator[object]:
    if not ast.get_docstring(_tree(path)):
        yield "no docstring"
    lines = path.read_text().count("\n")
    if lines > LONGEST:
        yield f"{lines} lines"


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


@over(EVERY)
def test_a_file_with_code_has_postponed_annotations(path: Path) -> Iterator[object]:
    body = _tree(path).body[1:]
    future = [node for node in body if isinstance(node, ast.ImportFrom)][:1]
    if body and [node.module for node in future] != ["__future__"]:
        yield "annotations are not postponed"


@over(EVERY)
def test_no_name_is_vague(path: Path) -> Iterator[object]:
    yield from VAGUE & {path.stem, *path.relative_to(ROOT).parts}


@over(SOURCES)
def test_no_class_name_is_vague(path: Path) -> Iterator[object]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ClassDef):
            base = node.name.startswith("Base") and node.name not in PUBLIC_BASES
            if base or VAGUE_CLASS.search(node.name):
                yield node.name


@over(SOURCES)
def test_log_messages_are_lowercase(path: Path) -> Iterator[object]:
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="logger"), attr=method),
                args=[ast.Constant(value=str(message)), *_],
            ) if method in LOG_METHODS:
                # a name of a variable may be quoted as it is written
                words = re.sub(r"\b[A-Z]+(_[A-Z]+)+\b|%[A-Za-z]", "", message)
                if words != words.lower():
                    yield message


# most files have nothing that looks so, and to tell what is a comment takes long
CAPITAL = re.compile(r"#[#! ]*[^\W\d_a-z]")


@over(EVERY)
def test_comments_are_lowercase(path: Path) -> Iterator[object]:
    text = path.read_text()
    if not CAPITAL.search(text):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            first = token.string.lstrip("#! ").split(" ")[0]
            # acronyms and letters of a formula keep their case
            written_so = first.isupper() and first not in {"A", "I"}
            if first[:1].isupper() and not written_so:
                yield token.string


# written apart, so that this file does not find itself
UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b"
)
ABSOLUTE = re.compile(r"(?<![\w.])/" + r"(work|root|home|Users)/\w")
REGISTRY = re.compile("|".join((r"pypi\." + "org", "python" + "hosted", "npm" + "js")))
NUMBERED = re.compile(r"\bissues? #?" + r"\d", re.IGNORECASE)


@over(TRACKED)
def test_nothing_unfinished_or_of_one_machine_is_tracked(
    path: Path,
) -> Iterator[object]:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for pattern in (UNFINISHED, ABSOLUTE, REGISTRY, NUMBERED):
        yield from (found.group() for found in pattern.finditer(text))


READS_ENVIRON = {"qbrixserving", "qbrixcli", "qbrixlog"}
STARTS = {"__main__.py", "main.py"}


@over(SOURCES)
def test_the_environment_is_read_in_one_place(path: Path) -> Iterator[object]:
    if READS_ENVIRON & set(path.parts) or path.name in STARTS:
        return
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Attribute(
                value=ast.Name(id="os"), attr="environ" | "environb" | "getenv"
            ):
                yield node.lineno
            case ast.ImportFrom(module="os", names=names):
                yield from {n.name for n in names} & {"environ", "getenv"}


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
HEAD = re.compile(r"# .+\n\n\d{4}-\d\d-\d\d, (accepted|rejected|superseded)")


@over(DECISIONS)
def test_a_decision_has_a_date_and_a_status(path: Path) -> Iterator[object]:
    if not HEAD.match(path.read_text()):
        yield "no date or no status"


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
