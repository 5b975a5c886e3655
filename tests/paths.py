"""Where things are beside the tests."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SHARED = ROOT.parent / "shared"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]


def page_name(page: Path) -> str:
    """README.md, or the path of a page below docs/, such as benchmarks/accuracy.md."""
    return page.name if page.parent == ROOT else page.relative_to(DOCS).as_posix()
