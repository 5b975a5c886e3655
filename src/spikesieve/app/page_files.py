"""The files of the page. No other file can be asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spikesieve import draw

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOLDERS = {"": Path(__file__).parent / "page", "draw/": Path(draw.__file__).parent}
"""Where the files are, by the beginning of the names under which the page asks for them."""


@dataclass(frozen=True)
class PageFile:
    """A file of the page.

    Attributes
    ----------
    content : bytes
        What is in it.
    kind : str
        Its type for the browser.
    """

    content: bytes
    kind: str


_FOUND = {
    begin + path.relative_to(folder).as_posix(): PageFile(path.read_bytes(), KINDS[path.suffix])
    for begin, folder in FOLDERS.items()
    for path in sorted(folder.rglob("*"))
    if path.suffix in KINDS
}


def _with_modules(page: PageFile) -> PageFile:
    """The page with the names of its modules: the browser gets all together, not each after its importer."""
    names = [name for name in _FOUND if name.endswith(".js") and not name.startswith("sort/")]
    links = "".join(f'<link rel="modulepreload" href="{name}">\n' for name in names)
    return PageFile(page.content.replace(b"</head>", links.encode() + b"</head>", 1), page.kind)


PAGE_FILES = _FOUND | {"index.html": _with_modules(_FOUND["index.html"])}
"""All of them, by the name under which the page asks for them."""
