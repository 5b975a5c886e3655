"""Looks at the links of the built site: `python docs/links.py docs/_build/html` fails for one that leads nowhere.

Pages and places in them must exist. Pictures, styles and scripts must come with the site: it is read offline too.
"""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """The names of places, the links, and what is loaded, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag names."""
        known = dict(attrs)
        self.places |= {known[key] for key in ("id", "name") if known.get(key)}
        if tag == "a" and known.get("href"):
            self.links.append(known["href"])
        is_style = tag == "link" and known.get("rel") in ("stylesheet", "preload", "icon")
        address = known.get("href") if is_style else known.get(LOADED.get(tag, ""))
        if address:
            self.loaded.append(address)


@cache
def page_at(path: Path) -> Page:
    """Read a page once."""
    return Page(path.read_text(encoding="utf-8"))


def faults_of(path: Path) -> list[str]:
    """Links of a page that lead nowhere, and what it takes from the network."""
    page, faults = page_at(path), []
    for address in (*page.links, *page.loaded):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if address in page.loaded and parts.scheme != "data":
                faults.append(f"takes {address} from the network")
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.exists():
            faults.append(f"{address} does not exist")
        elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in page_at(target).places:
            faults.append(f"{address} names a place that is not there")
    return faults


def main(site: Path) -> int:
    """Print the faults of all pages; the status is 1 if there are any."""
    pages = sorted(page for page in site.resolve().rglob("*.html") if "_static" not in page.parts)
    found = [f"{page.name}: {fault}" for page in pages for fault in faults_of(page)]
    sys.stdout.write("".join(f"{fault}\n" for fault in found) + f"{len(pages)} pages, {len(found)} broken links\n")
    return int(bool(found) or not pages)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
