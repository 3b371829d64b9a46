"""What the site needs besides the pages in this folder, as hooks of mkdocs.

Pages that lie elsewhere in the repository come in under a name of their own; links are
those that work where the files lie, and are translated; the decisions are listed; and a
built page that would fetch anything from another host fails the build. Steps of a page
that no test runs (tests/system/test_documented.py) are told by name.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
# where it lies, and what it is called here
ELSEWHERE: Final = {
    "README.md": "index.md",
    "helm/README.md": "kubernetes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
LISTED: Final = "decisions/index.md"
LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
NOT_RUN: Final = re.compile(r"<!-- elsewhere: ([\w-]+): (.+) -->")
ASSET: Final = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?![^>]*\brel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
)

logger = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every decision has its place, the list of them in front."""
    assert config.nav is not None
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    config.nav.append({"Decisions": [LISTED, *(f"decisions/{name}" for name in names)]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages from elsewhere, and the list of decisions."""
    for source, name in ELSEWHERE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, LISTED, content=_decisions()))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Links lead to pages; those that lead to none are left, and fail the build."""
    name = page.file.src_uri
    for step, why in NOT_RUN.findall(markdown):
        logger.info("%s: no test runs the step %s: %s", name, step, why)
    [source] = [k for k, v in ELSEWHERE.items() if v == name] or [f"docs/{name}"]

    def translated(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        if target == "docs/decisions":
            target = f"docs/{LISTED}"
        here = ELSEWHERE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(here, posixpath.dirname(name) or ".")

    return LINK.sub(translated, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Raises PluginError if a page fetches something from another host."""
    for path in Path(config.site_dir).rglob("*.html"):
        found = ASSET.search(path.read_text())
        if found is not None:
            raise PluginError(f"{path.name} fetches from elsewhere: {found[0]}")


def _decisions() -> str:
    lines = [
        "# Decisions",
        "Choices that had alternatives, with the figures behind them.",
        "",
    ]
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title, _, rest = path.read_text().partition("\n")
        date, _, status = rest.strip().partition("\n")[0].partition(", ")
        lines.append(f"- [{title.lstrip('# ')}]({path.name}) – {date}, {status}")
    return "\n".join(lines) + "\n"
